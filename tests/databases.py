"""Database fixtures: the same suites over SQLite and over a real PostgreSQL, each test with a migrated database of its own.

The migrations run once a session on each engine; a test gets a copy of what they left.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from billing.db.migrate import upgrade
from billing.db.session import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.postgres import Postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy; its last connection is closed, so it stands alone."""
    file = tmp_path_factory.mktemp("template") / "uptier.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite file."""
    file = shutil.copyfile(sqlite_template, tmp_path / "uptier.db")
    database = Database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_server: Postgres) -> Iterator[Database]:
    """A migrated database on a real PostgreSQL."""
    with postgres_server.fresh(postgres_server.template("migrated", upgrade)) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest) -> Database:
    """Each engine in turn."""
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found
