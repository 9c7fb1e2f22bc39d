"""`uptier db`: bring the database up to date, and tell where it is."""

from __future__ import annotations

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import settings

app = typer.Typer(
    help="The database: 'uptier db upgrade' before the first start and after an update.", no_args_is_help=True
)


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the revision this program needs.

    Example: UPTIER_DATABASE_URL=postgresql+psycopg://owner@host/uptier uptier db upgrade
    """
    from billing.db.migrate import upgrade as run

    with readable_errors():
        found = settings()
        found.home.mkdir(parents=True, exist_ok=True)
        revision = run(found.resolved_database_url)
        say({"revision": revision}, f"database is at revision {revision}", as_json=as_json)


@app.command()
def current(as_json: AsJson = False) -> None:
    """Tell the revision the database has and the one that is needed.

    Example: uptier db current --json
    """
    from billing.db.migrate import head, present

    with readable_errors():
        found, needed = present(settings().resolved_database_url), head()
        say({"present": found, "needed": needed}, f"present {found or 'none'}, needed {needed}", as_json=as_json)
