"""Fixtures of the database layer's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.db.pair import Pair, open_pair

if TYPE_CHECKING:
    from billing.db.session import Database


@pytest.fixture
def pair(database: Database) -> Pair:
    """Two tenants, on each engine in turn."""
    return open_pair(database)


@pytest.fixture
def postgres_pair(postgres_database: Database) -> Pair:
    """Two tenants on PostgreSQL."""
    return open_pair(postgres_database)
