"""`uptier db`: bring the database up to date, tell where it is, and check that the books in it are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import settings

if TYPE_CHECKING:
    from billing.revenue.check.finding import Finding

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


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check that the books of every tenant are whole; end with code 1 if anything is found.

    Example: uptier db check --json
    """
    from billing.db.scope import PLATFORM_SCOPE, Scope
    from billing.revenue.check.books import check_books
    from billing.revenue.check.registry import CHECKS
    from billing.tenants.store import TenantStore
    from serving.cli.output import progress_bar
    from serving.cli.session import services

    with readable_errors():
        database = services().database
        with database.view(PLATFORM_SCOPE) as unit:
            tenants = TenantStore(unit).all()
        found: list[tuple[str, Finding]] = []
        with progress_bar() as bar:
            task = bar.add_task("checking", total=len(tenants) * len(CHECKS))
            for tenant in tenants:
                with database.view(Scope(tenant.id)) as unit:
                    findings = check_books(unit, progress=lambda _: bar.advance(task))
                found += [(tenant.id, finding) for finding in findings]
        lines = [f"{tenant}: {finding.sentence} [{finding.code}]" for tenant, finding in found]
        lines.append(f"{len(tenants)} tenants checked, {len(found) or 'nothing'} found")
        say({"tenants": len(tenants), "findings": _documents(found)}, "\n".join(lines), as_json=as_json)
        if found:
            raise typer.Exit(1)


def _documents(found: list[tuple[str, Finding]]) -> list[dict[str, Any]]:
    return [
        {
            "tenant": tenant,
            "code": finding.code,
            "detail": finding.sentence,
            "ids": list(finding.ids),
            "amounts": {
                name: {"amount": amount.text, "currency": amount.currency} for name, amount in finding.amounts.items()
            },
        }
        for tenant, finding in found
    ]
