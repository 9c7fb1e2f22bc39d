"""The queries over exposures: the first time a unit meets an experiment counts, later ones in another arm are noted as crossings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, case, cast, delete, func, select, tuple_, update

from billing.db.upsert import insert_new
from features.experiments.tables import ExposureRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_PART = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A unit met an experiment: what it was shown, or (`counterfactual`) would have been shown, and with which propensity.

    `unit` is the key of the customer, or `customer/member` with the `member` named beside it. `plan` and `segment` are what it had then,
    None where they are to be looked up.
    """

    experiment: str
    unit: str
    customer_id: str
    arm: str
    at: datetime
    counterfactual: bool
    propensity: float
    decision_id: str | None = None
    member: str | None = None
    plan: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of exposures: how many were new, seen before in their arm, and seen before in another one."""

    new: int
    again: int
    crossed: int


class ExposureStore:
    """Reads and writes the exposures of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, rows: Sequence[Exposed]) -> Kept:
        """Keep the first exposure of each unit of each experiment; later ones only count where they cross into another arm."""
        firsts: dict[tuple[str, str], int] = {}
        for number, row in enumerate(rows):
            firsts.setdefault((row.experiment, row.unit), number)
        key = (ExposureRow.experiment, ExposureRow.unit)
        values = [asdict(rows[number]) | {"crossed": 0} for number in firsts.values()]
        fresh = {(str(one), str(two)) for one, two in insert_new(self._session, ExposureRow, values, key)}
        new = {firsts[place] for place in fresh}
        later = [row for number, row in enumerate(rows) if number not in new]
        crossed = self._cross(later)
        return Kept(new=len(fresh), again=len(later) - crossed, crossed=crossed)

    def _cross(self, later: Sequence[Exposed]) -> int:
        if not later:
            return 0
        known = self._arms({(row.experiment, row.unit) for row in later})
        others = [row for row in later if known[row.experiment, row.unit] != row.arm]
        for row in sorted(others, key=lambda each: (each.experiment, each.unit)):
            mine = (ExposureRow.experiment == row.experiment, ExposureRow.unit == row.unit)
            more = update(ExposureRow).where(*mine).values(crossed=ExposureRow.crossed + 1)
            self._session.execute(more.execution_options(synchronize_session=False))
        return len(others)

    def kept(self, experiments: Iterable[str], unit: str) -> dict[str, str]:
        """In which arm each of some experiments first saw a unit; those that did not are left out."""
        names = sorted(set(experiments))
        if not names:
            return {}
        query = select(ExposureRow.experiment, ExposureRow.arm)
        query = query.where(ExposureRow.experiment.in_(names), ExposureRow.unit == unit)
        return {str(experiment): str(arm) for experiment, arm in self._session.execute(query)}

    def _arms(self, places: set[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        ordered = sorted(places)
        for start in range(0, len(ordered), _PART):
            part = ordered[start : start + _PART]
            query = select(ExposureRow.experiment, ExposureRow.unit, ExposureRow.arm)
            query = query.where(tuple_(ExposureRow.experiment, ExposureRow.unit).in_(part))
            found |= {(str(name), str(unit)): str(arm) for name, unit, arm in self._session.execute(query)}
        return found

    def counts(self, experiment: str, *, of: str = "unit") -> dict[str, int]:
        """Units by arm, or (`of` "customer") the customers they belong to."""
        counted = func.count() if of == "unit" else func.count(ExposureRow.customer_id.distinct())
        query = select(ExposureRow.arm, counted).where(ExposureRow.experiment == experiment)
        return {str(arm): int(count) for arm, count in self._session.execute(query.group_by(ExposureRow.arm))}

    def units_since(self, experiment: str, since: datetime) -> int:
        """How many new units came from an instant on."""
        query = select(func.count()).where(ExposureRow.experiment == experiment, ExposureRow.at >= since)
        return self._session.scalar(query) or 0

    def tally(self, experiment: str) -> list[tuple[str, str, int, int]]:
        """(UTC day in ISO 8601, arm, units that came, of them crossing ones) of an experiment, in order of days."""
        if self._session.get_bind().dialect.name == "sqlite":
            day: Any = func.date(ExposureRow.at)
        else:
            day = cast(func.timezone("UTC", ExposureRow.at), Date)
        crossing = func.count(case((ExposureRow.crossed > 0, 1)))
        query = select(day, ExposureRow.arm, func.count(), crossing).where(ExposureRow.experiment == experiment)
        rows = self._session.execute(query.group_by(day, ExposureRow.arm).order_by(day, ExposureRow.arm))
        return [(str(name), str(arm), int(units), int(crossed)) for name, arm, units, crossed in rows]

    def missing(self, experiment: str, customer_ids: Sequence[str]) -> list[str]:
        """Those of some customers whom the experiment has not seen; in the order given."""
        query = select(ExposureRow.customer_id).where(ExposureRow.experiment == experiment)
        seen = set(self._session.scalars(query.where(ExposureRow.customer_id.in_(customer_ids))))
        return [customer for customer in customer_ids if customer not in seen]

    def units_after(self, experiment: str, after: str, limit: int) -> list[tuple[str, str, str]]:
        """(unit, customer id, arm) of a run's exposures in the order of units, a part at a time."""
        query = select(ExposureRow.unit, ExposureRow.customer_id, ExposureRow.arm)
        query = query.where(ExposureRow.experiment == experiment, ExposureRow.unit > after)
        rows = self._session.execute(query.order_by(ExposureRow.unit).limit(limit))
        return [(str(unit), str(customer), str(arm)) for unit, customer, arm in rows]

    def undescribed(self, limit: int) -> list[tuple[str, str, str, datetime]]:
        """(experiment, unit, customer id, at) of exposures whose plan and segment are still to be looked up."""
        query = select(ExposureRow.experiment, ExposureRow.unit, ExposureRow.customer_id, ExposureRow.at)
        query = query.where(ExposureRow.plan.is_(None)).limit(limit)
        rows = self._session.execute(query)
        return [(str(name), str(unit), str(customer), at) for name, unit, customer, at in rows]

    def describe(self, places: Mapping[tuple[str, str], tuple[str, str]]) -> None:
        """Note (plan, segment) of exposures, by (experiment, unit); the empty text for none."""
        rows = [
            {"experiment": name, "unit": unit, "plan": plan, "segment": segment}
            for (name, unit), (plan, segment) in sorted(places.items())
        ]
        if rows:
            self._session.execute(update(ExposureRow), rows)

    def met(self, experiment: str) -> Select[Any]:
        """A part of a query for other stores: each first exposure to an experiment on customers.

        `customer_id`, `arm`, `at`, and `plan` and `segment` of then, empty where none is known.
        """
        row = ExposureRow
        plan, segment = func.coalesce(row.plan, "").label("plan"), func.coalesce(row.segment, "").label("segment")
        columns: list[Any] = [row.customer_id, row.arm, row.at, plan, segment]
        return select(*columns).where(row.experiment == experiment)

    def forget(self, customer_id: str) -> int:
        """Remove a customer's exposures; how many."""
        mine = ExposureRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(ExposureRow).where(mine)) or 0
        self._session.execute(delete(ExposureRow).where(mine).execution_options(synchronize_session=False))
        return count
