"""Database fixtures: the same suites over SQLite and over a real PostgreSQL, each test with a migrated database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.db.migrate import upgrade
from billing.db.session import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite file."""
    url = f"sqlite:///{tmp_path / 'uptier.db'}"
    upgrade(url)
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """A migrated database on a real PostgreSQL."""
    upgrade(postgres_url)
    database = Database(postgres_url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest) -> Database:
    """Each engine in turn."""
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found
