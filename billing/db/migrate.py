"""Bringing a database to the present revision, and telling which one it has.

Runs as the owner of the tables, on a connection of its own: the application's connections step down to a role that owns nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from billing.kernel.errors import Kind, UptierError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOLDER = Path(__file__).resolve().parent.parent / "migrations"


class SchemaError(UptierError):
    """The database is not at the revision this program needs."""

    code = "schema_outdated"
    kind = Kind.UNAVAILABLE


def upgrade(url: str, revision: str = "head") -> str:
    """Run the revisions that are missing; the answer is the revision reached."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            config = _config(connection)
            command.upgrade(config, revision)
            connection.commit()
            return _present(connection) or "base"
    finally:
        engine.dispose()


def present(url: str) -> str | None:
    """The revision the database has, or None for an empty one."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return _present(connection)
    finally:
        engine.dispose()


def head() -> str:
    """The revision this program needs."""
    return ScriptDirectory(str(_FOLDER)).get_current_head() or "base"


def require_head(url: str) -> None:
    """Refuse to serve a database that is behind; the error says what to run."""
    found, needed = present(url), head()
    if found != needed:
        raise SchemaError(
            f"the database is at revision {found or 'none'} and this program needs {needed}; run 'uptier db upgrade'",
            found=found,
            needed=needed,
        )


def _present(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
