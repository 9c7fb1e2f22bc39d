"""The queries over standings: who is in which segment of a scheme, and the difference that an evaluation makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from billing.db.bulk import lock_alone
from billing.kernel.page import Page, decode_cursor, encode_cursor
from features.segments.standing.tables import StandingRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_BATCH = 500
INSIDE = "in"
"""The one segment of a rule's scheme; who is out stands nowhere in it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The segment a customer is in, and since which evaluation."""

    segment: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Moves:
    """Customers by the segment they entered and by the one they left, in order of id."""

    entered: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)

    @property
    def customers(self) -> int:
        """How many customers moved."""
        return len({each for found in (self.entered, self.left) for ids in found.values() for each in ids})


def moves_between(before: Mapping[str, str], after: Mapping[str, str]) -> Moves:
    """Who is in another segment than before, by customer id.

    >>> moves_between({"ann": "new", "bob": "new"}, {"ann": "active", "bob": "new"})
    Moves(entered={'active': ['ann']}, left={'new': ['ann']})
    """
    moves = Moves()
    for customer in sorted({*before, *after}):
        old, new = before.get(customer), after.get(customer)
        if old == new:
            continue
        if old is not None:
            moves.left.setdefault(old, []).append(customer)
        if new is not None:
            moves.entered.setdefault(new, []).append(customer)
    return moves


class StandingStore:
    """Reads and writes where the customers of one tenant stand."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def lock(self) -> None:
        """Have the tenant's standings alone until this unit of work ends: two evaluations are written one after the other."""
        lock_alone(self._session, "segment_standings")

    def of_scheme(self, scheme: str) -> dict[str, Standing]:
        """Where everybody stands in a scheme, by customer id."""
        row = StandingRow
        found = self._session.execute(select(row.customer_id, row.segment, row.since).where(row.scheme == scheme))
        return {customer: Standing(segment, since) for customer, segment, since in found}

    def of_customer(self, customer_id: str) -> dict[str, Standing]:
        """Where one customer stands, by scheme."""
        row = StandingRow
        query = select(row.scheme, row.segment, row.since).where(row.customer_id == customer_id)
        found = self._session.execute(query.order_by(row.scheme))
        return {scheme: Standing(segment, since) for scheme, segment, since in found}

    def members(self, scheme: str, segment: str) -> list[str]:
        """The customer ids in one segment of a scheme, in order."""
        query = self.members_query(scheme, segment)
        return list(self._session.scalars(query.order_by(StandingRow.customer_id)))

    def members_query(self, scheme: str, segment: str) -> Select[str]:
        """The same without an order, as a piece of a query."""
        return select(StandingRow.customer_id).where(StandingRow.scheme == scheme, StandingRow.segment == segment)

    def page(self, scheme: str, segment: str, *, limit: int, cursor: str | None = None) -> Page[tuple[str, datetime]]:
        """(customer id, since) of one segment of a scheme, in order of id."""
        row = StandingRow
        query = select(row.customer_id, row.since).where(row.scheme == scheme, row.segment == segment)
        if cursor is not None:
            query = query.where(row.customer_id > decode_cursor(cursor))
        found = [
            (customer, since)
            for customer, since in self._session.execute(query.order_by(row.customer_id).limit(limit + 1))
        ]
        items = tuple(found[:limit])
        return Page(items, encode_cursor(items[-1][0]) if len(found) > limit else None)

    def sizes(self) -> dict[str, dict[str, int]]:
        """How many customers each segment holds, by scheme."""
        query = select(StandingRow.scheme, StandingRow.segment, func.count()).group_by(
            StandingRow.scheme, StandingRow.segment
        )
        sizes: dict[str, dict[str, int]] = {}
        for scheme, segment, count in self._session.execute(query):
            sizes.setdefault(scheme, {})[segment] = count
        return sizes

    def replace(self, scheme: str, places: Mapping[str, str], at: datetime) -> Moves:
        """Have everybody stand where `places` (customer id -> segment) says and nobody else stand; who stays keeps their `since`."""
        self.lock()
        before = {customer: standing.segment for customer, standing in self.of_scheme(scheme).items()}
        moves = moves_between(before, places)
        self._remove(scheme, [customer for left in moves.left.values() for customer in left])
        rows = [
            {"scheme": scheme, "customer_id": customer, "segment": segment, "since": at}
            for segment, entered in moves.entered.items()
            for customer in entered
        ]
        if rows:
            self._session.execute(insert(StandingRow), rows)
        return moves

    def forget(self, customer_id: str) -> int:
        """Remove a customer from every scheme; how many there were. An evaluation that is being written is waited for."""
        self.lock()
        found = self.of_customer(customer_id)
        self._session.execute(delete(StandingRow).where(StandingRow.customer_id == customer_id))
        return len(found)

    def _remove(self, scheme: str, customers: Sequence[str]) -> None:
        ordered = sorted(customers)
        for start in range(0, len(ordered), _BATCH):
            part = ordered[start : start + _BATCH]
            self._session.execute(
                delete(StandingRow)
                .where(StandingRow.scheme == scheme, StandingRow.customer_id.in_(part))
                .execution_options(synchronize_session=False)
            )
