"""Reading the outbox: which facts wait to be told, and which were told before. They are written by `Unit.emit`.

A fact is never removed: its key is what keeps a use case that runs twice from speaking twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from billing.db.tables import OutboxRow
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from billing.db.session import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that became true for a tenant; `at` is when, by the tenant's own time."""

    id: str
    kind: str
    payload: dict[str, Any]
    at: datetime


def waiting_facts(unit: Unit, *, limit: int) -> list[Fact]:
    """The facts that nobody passed on yet, in the order they were made."""
    query = select(OutboxRow).where(OutboxRow.published_at.is_(None)).order_by(OutboxRow.id).limit(limit)
    return [_fact(row) for row in unit.session.scalars(query)]


def has_waiting_facts(unit: Unit) -> bool:
    """Whether there is one."""
    query = select(OutboxRow.id).where(OutboxRow.published_at.is_(None)).limit(1)
    return unit.session.scalar(query) is not None


def mark_published(unit: Unit, ids: Collection[str], at: datetime) -> None:
    """They were passed on at `at`; for those that somebody passed on before, that moment stays."""
    change = update(OutboxRow).where(OutboxRow.id.in_(sorted(ids)), OutboxRow.published_at.is_(None))
    unit.session.execute(change.values(published_at=at).execution_options(synchronize_session=False))
    unit.session.expire_all()


def fact_by_id(unit: Unit, fact_id: str) -> Fact | None:
    """One fact."""
    row = unit.session.scalar(select(OutboxRow).where(OutboxRow.id == fact_id))
    return None if row is None else _fact(row)


def published_facts(unit: Unit, *, since: datetime, until: datetime | None, after: str, limit: int) -> list[Fact]:
    """Facts that were passed on in a time, in the order they were made, from the one after the id `after`."""
    query = select(OutboxRow).where(OutboxRow.published_at >= since, OutboxRow.id > after)
    if until is not None:
        query = query.where(OutboxRow.published_at < until)
    return [_fact(row) for row in unit.session.scalars(query.order_by(OutboxRow.id).limit(limit))]


def add_published(unit: Unit, kind: str, payload: dict[str, Any], at: datetime) -> Fact:
    """A fact for one listener that its writer passes on by itself; nobody else hears of it."""
    fact_id = new_id("evt")
    row = OutboxRow(id=fact_id, key=f"{kind}:{fact_id}", kind=kind, payload=payload, created_at=at, published_at=at)
    unit.session.add(row)
    unit.session.flush()
    return _fact(row)


def _fact(row: OutboxRow) -> Fact:
    return Fact(id=row.id, kind=row.kind, payload=dict(row.payload), at=row.created_at)
