"""Inserting what is not there yet: one statement, decided by the unique key itself, the same on SQLite and PostgreSQL.

Rows go in by order of their primary key: two writers whose batches overlap then wait for each other in turn instead of for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import InstrumentedAttribute

    from billing.db.base import TenantRow
    from billing.db.scope import ScopedSession


def insert_new(
    session: ScopedSession,
    row: type[TenantRow],
    values: Sequence[dict[str, Any]],
    key: Sequence[InstrumentedAttribute[Any]],
) -> list[tuple[Any, ...]]:
    """Insert the rows whose unique keys are free and leave the others alone; the answer is `key` of each row inserted."""
    if not values:
        return []
    result = session.execute(_insert(session, row).on_conflict_do_nothing().returning(*key), _by_key(row, values))
    return [tuple(found) for found in result]


def insert_new_silently(session: ScopedSession, row: type[TenantRow], values: Sequence[dict[str, Any]]) -> None:
    """The same for bulk loads, without an answer: several times as fast; count before and after where it matters."""
    if values:
        session.execute(_insert(session, row).on_conflict_do_nothing(), _by_key(row, values))


def _by_key(row: type[TenantRow], values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [column.key for column in row.__table__.primary_key if column.key != "tenant_id"]
    return sorted(values, key=lambda each: tuple(each[name] for name in names))


def _insert(session: ScopedSession, row: type[TenantRow]) -> Any:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return (sqlite.insert if is_sqlite else postgresql.insert)(row)
