"""The queries over showings: places under the caps, taken in one transaction by who holds the customer's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, delete, func, insert, select, update

from billing.db.bulk import lock_alone, lock_each
from features.decisions.decision import Showing
from features.decisions.tables import OutcomeRow, ShowingRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_EVERYBODY = "offers"
_ANSWERS = ("impression", "click", "dismiss", "accept")


class ShowingStore:
    """Reads and writes the showings of one tenant. Who counts and then reserves holds `lock` until the unit ends."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def lock(self, customer_ids: Iterable[str], *, everybody: bool = False) -> None:
        """Until the unit ends nobody else reserves or confirms for these customers; with `everybody`, for any of the tenant.

        `everybody` is for a tenant that caps all showings together. On SQLite a unit has the database alone already.
        """
        if everybody:
            lock_alone(self._session, _EVERYBODY)
        lock_each(self._session, [f"offers:{customer_id}" for customer_id in set(customer_ids)])

    def of_customers(self, customer_ids: Collection[str], since: datetime) -> dict[str, list[Showing]]:
        """The showings of each customer since an instant, oldest first, with what came of them, in one query."""
        outcomes: dict[str, dict[str, datetime]] = {}
        places: dict[str, Showing] = {}
        for row in self._session.execute(_OF_CUSTOMERS, {"ids": sorted(customer_ids), "since": since}):
            *columns, kind, at = row
            told = outcomes.setdefault(row.decision_id, {})
            if row.decision_id not in places:
                places[row.decision_id] = _showing(columns, told)
            if kind is not None:
                told[kind] = at
        found: dict[str, list[Showing]] = {}
        for showing in places.values():
            found.setdefault(showing.customer_id, []).append(showing)
        return found

    def get(self, decision_id: str) -> Showing | None:
        """The place of a decision; None where it offered nothing."""
        columns = self._session.execute(select(*_COLUMNS).where(ShowingRow.decision_id == decision_id)).one_or_none()
        return None if columns is None else _showing(tuple(columns), {})

    def count_all(self, since: datetime, now: datetime) -> int:
        """How many places of all customers count at `now` that were taken after `since`; what was never shown takes none."""
        taken = func.coalesce(ShowingRow.confirmed_at, ShowingRow.reserved_at)
        query = (
            select(func.count())
            .select_from(ShowingRow)
            .where(ShowingRow.is_counterfactual.is_(False), taken > since)
            .where(ShowingRow.confirmed_at.is_not(None) | (ShowingRow.expires_at > now))
        )
        return self._session.scalar(query) or 0

    def tried(self, since: datetime) -> dict[str, tuple[int, int]]:
        """How many offers were seen since an instant, and how many of them accepted, by `rule:target`."""
        accepted = and_(OutcomeRow.decision_id == ShowingRow.decision_id, OutcomeRow.kind == "accept")
        query = (
            select(ShowingRow.rule, ShowingRow.target, func.count(), func.count(OutcomeRow.decision_id))
            .outerjoin(OutcomeRow, accepted)
            .where(ShowingRow.reserved_at >= since, ShowingRow.confirmed_at.is_not(None))
            .where(ShowingRow.is_counterfactual.is_(False), ShowingRow.rule.is_not(None))
            .group_by(ShowingRow.rule, ShowingRow.target)
        )
        return {
            f"{rule}:{target}": (int(seen), int(taken)) for rule, target, seen, taken in self._session.execute(query)
        }

    def answers(self) -> Select[Any]:
        """A part of a query for other stores: what customers did with offers that were shown to them.

        `customer_id`, `at`, and `impression`, `click`, `dismiss`, `accept` as 0 or 1.
        """
        done = [case((OutcomeRow.kind == kind, 1), else_=0).label(kind) for kind in _ANSWERS]
        return (
            select(ShowingRow.customer_id, OutcomeRow.at, *done)
            .join(OutcomeRow, OutcomeRow.decision_id == ShowingRow.decision_id)
            .where(ShowingRow.is_counterfactual.is_(False))
        )

    def add_many(self, showings: Sequence[Showing]) -> None:
        """Take new places."""
        if showings:
            self._session.execute(insert(ShowingRow), [_row(showing) for showing in showings])

    def renew(self, showings: Sequence[Showing]) -> None:
        """Write the reservations of offers that were served again. Under the lock, so nobody has confirmed them meanwhile."""
        if showings:
            rows = [
                {
                    "tenant_id": self._session.scope.tenant_id,
                    "decision_id": showing.decision_id,
                    "reserved_at": showing.reserved_at,
                    "expires_at": showing.expires_at,
                }
                for showing in showings
            ]
            self._session.execute(update(ShowingRow).execution_options(synchronize_session=False), rows)

    def forget(self, customer_id: str) -> int:
        """Remove a customer's places; how many."""
        mine = ShowingRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(ShowingRow).where(mine)) or 0
        self._session.execute(delete(ShowingRow).where(mine).execution_options(synchronize_session=False))
        return count

    def confirm(self, decision_id: str, at: datetime) -> None:
        """An offer was seen: from now on it counts for as long as the caps look back. The first time stays."""
        statement = (
            update(ShowingRow)
            .where(ShowingRow.decision_id == decision_id)
            .values(confirmed_at=case((ShowingRow.confirmed_at.is_(None), at), else_=ShowingRow.confirmed_at))
        )
        self._session.execute(statement.execution_options(synchronize_session=False))


_COLUMNS = (
    ShowingRow.decision_id,
    ShowingRow.customer_id,
    ShowingRow.member,
    ShowingRow.target,
    ShowingRow.placement,
    ShowingRow.rule,
    ShowingRow.decided_at,
    ShowingRow.reserved_at,
    ShowingRow.expires_at,
    ShowingRow.confirmed_at,
    ShowingRow.is_counterfactual,
    ShowingRow.open_until,
    ShowingRow.revision,
)
_NAMES = tuple(column.key for column in _COLUMNS)
_OF_CUSTOMERS = (
    select(*_COLUMNS, OutcomeRow.kind, OutcomeRow.at)
    .outerjoin(OutcomeRow, OutcomeRow.decision_id == ShowingRow.decision_id)
    .where(ShowingRow.customer_id.in_(bindparam("ids", expanding=True)), ShowingRow.reserved_at >= bindparam("since"))
    .order_by(ShowingRow.decided_at, ShowingRow.decision_id)
)
"""Put together once: it is asked with every decision."""


def _row(showing: Showing) -> dict[str, object]:
    return {name: getattr(showing, name) for name in _NAMES}


def _showing(columns: Sequence[Any], outcomes: dict[str, datetime]) -> Showing:
    return Showing(**dict(zip(_NAMES, columns, strict=True)), outcomes=outcomes)
