"""The queries behind every outcome: a row a unit of an experiment, with what each metric counts of it and what stood before its exposure.

Each unit's rows are taken from its own exposure on (and its past up to it), whole days of 24 hours at a time; where a metric has a window,
units count once theirs is complete. Tails are pulled in at one pair of bounds for all arms: observed values, so both engines find the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Date, Double, and_, case, cast, func, literal, select, true, union_all

from billing.db.heavy import make_room
from billing.invoices.past_store import PastStore
from billing.ledger.store import LedgerStore
from billing.metering.listing_store import EventListing
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from features.contact.store import ContactStore
from features.experiments.measures import MARGIN_BPS, MILLION, Counted, How, Source
from features.experiments.tables import ExposureRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import CTE, ColumnElement, Select, Subquery

    from billing.db.session import Unit

_PLAIN_NUMBER = "^-?[0-9]{1,12}([.][0-9]{1,30})?$"
_NONE = literal(0, BigInteger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Whose outcomes are added up: exposures of `experiment` before `until`, counted and drawn as its plan says."""

    experiment: str
    until: datetime
    unit: str = "customer"
    assigned_by: str = "customer"
    currency: str = "EUR"


class OutcomeStore:
    """Makes the part of a query that holds one tenant's outcomes."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._is_sqlite = unit.session.get_bind().dialect.name == "sqlite"
        self._firsts: dict[str, datetime | None] = {}

    def values(self, run: Run, metrics: Sequence[Counted], by: Sequence[str]) -> CTE:
        """A row a unit: its arm, its dimensions, and each metric's y, x and m; y is null where the unit does not count (yet)."""
        make_room(self._unit.session)
        units = self._units(run, metrics, by)
        sums = self._sums(run, metrics)
        columns: list[Any] = [units.c.unit, units.c.customer_id, units.c.arm, units.c.crossed]
        columns += [units.c[f"by_{name}"] for name in by]
        for number, metric in enumerate(metrics):
            columns += _of_unit(number, metric, units, sums, run)
        return select(*columns).outerjoin(sums, sums.c.unit == units.c.unit).select_from(units).cte("outcomes")

    def _units(self, run: Run, metrics: Sequence[Counted], by: Sequence[str] = ()) -> Subquery:
        """Who counts, with the ends of windows and pasts. What is read twice is built twice: shared, it could not run in parallel."""
        row = ExposureRow
        first = is_whole_customer(run, metrics[0])
        at = (func.min(row.at) if first else row.at).label("at")
        columns: list[Any] = [
            (func.min(row.unit) if first else row.unit).label("unit"),
            row.customer_id.label("customer_id"),
            (func.min(row.arm) if first else row.arm).label("arm"),
            at,
            (func.max(row.crossed) if first else row.crossed).label("crossed"),
        ]
        if run.unit == "member" and not first:
            columns.append(row.member.label("member"))
        for name in by:
            level = self._level(name)
            columns.append((func.min(level) if first else level).label(f"by_{name}"))
        query = select(*columns).where(row.experiment == run.experiment, row.at < run.until)
        found = (query.group_by(row.customer_id) if first else query).subquery()
        days = {(metric.window_days, 1) for metric in metrics if metric.window_days is not None}
        days |= {(metric.past_days, -1) for metric in metrics if metric.past_days is not None}
        if not days:
            return found
        shifts = [self._shifted(found.c.at, way * count).label(_shift(way * count)) for count, way in sorted(days)]
        return select(*found.c, *shifts).subquery()

    def _first(self, run: Run) -> datetime | None:
        """When anybody was exposed first."""
        if run.experiment not in self._firsts:
            query = select(func.min(ExposureRow.at)).where(ExposureRow.experiment == run.experiment)
            self._firsts[run.experiment] = self._unit.session.scalar(query)
        return self._firsts[run.experiment]

    def _level(self, name: str) -> Any:
        row = ExposureRow
        if name in {"segment", "plan"}:
            return func.coalesce(getattr(row, name), "")
        if self._is_sqlite:
            return func.date(row.at, "-6 days", "weekday 1") if name == "week" else func.date(row.at)
        here = func.timezone("UTC", row.at)
        return cast(func.date_trunc("week", here) if name == "week" else here, Date)

    def _shifted(self, at: Any, days: int) -> Any:
        """An instant so many times 24 hours later, to the microsecond on both engines; SQLite keeps instants as text."""
        if self._is_sqlite:
            return func.strftime("%Y-%m-%d", at, f"{days:+d} days").concat(func.substr(at, 11))
        return at + func.make_interval(0, 0, 0, 0, days * 24)

    def _facts(self, run: Run, metric: Counted) -> Subquery:
        source, unit = metric.measure.source, self._unit
        if source is Source.BOOKS:
            return _books(LedgerStore(unit).customer_money(run.currency))
        if source is Source.ORDERS:
            line = PurchaseStore(unit).order_money(run.currency).subquery()
            return select(*line.c, literal(1, BigInteger).label("lines")).subquery("facts")
        if source is Source.STEPS:
            return HistoryStore(unit).moves().subquery("facts")
        if source is Source.RENEWALS:
            return _renewals(PastStore(unit).renewals(), HistoryStore(unit).moves())
        if source is Source.LEAVINGS:
            leaving = ContactStore(unit).leavings().subquery()
            return select(*leaving.c, literal(1, BigInteger).label("left")).subquery("facts")
        by_member = run.unit == "member"
        event = EventListing(unit).counted(metric.event, metric.field, by_member=by_member).subquery()
        columns = list(event.c)
        if metric.field:
            scaled = cast(func.round(cast(event.c.text, Double) * MILLION), BigInteger)
            columns.append(case((event.c.text.regexp_match(_PLAIN_NUMBER), scaled), else_=0).label("millionths"))
        return select(*columns).subquery("facts")

    def _sums(self, run: Run, metrics: Sequence[Counted]) -> Subquery:
        """Each unit's own rows added up; units without any are not in it."""
        units, facts = self._units(run, metrics), self._facts(run, metrics[0])
        at = facts.c.at
        same = [facts.c.customer_id == units.c.customer_id, at < run.until]
        if "member" in units.c:
            same.append(facts.c.member == units.c.member)
        columns: list[Any] = [units.c.unit]
        for number, metric in enumerate(metrics):
            value, measure = facts.c[metric.measure.value], metric.measure
            later = at >= units.c.at
            if metric.window_days is not None:
                later = and_(later, at < units.c[_shift(metric.window_days)])
            columns.append(_sum(later, value).label(f"y{number}"))
            if measure.how is How.RATIO:
                over = facts.c[measure.over]
                is_named = measure.source is Source.ORDERS  # baskets are names: how many different ones
                beside = func.count(case((later, over)).distinct()) if is_named else _sum(later, over)
                columns.append(beside.label(f"x{number}"))
            if metric.past_days is not None:
                earlier = and_(at < units.c.at, at >= units.c[_shift(-metric.past_days)])
                columns.append(_sum(earlier, value).label(f"x{number}"))
                columns.append(func.max(case((earlier, 1), else_=0)).label(f"seen{number}"))
            if measure.active_only:
                had = _sum(at < units.c.at, facts.c.started) - _sum(at < units.c.at, facts.c.ended)
                columns.append(had.label(f"had{number}"))
        needs_past = any(metric.measure.active_only for metric in metrics)
        longest = max((metric.past_days or 0 for metric in metrics), default=0)
        if not needs_past:
            same.append(at >= (units.c[_shift(-longest)] if longest else units.c.at))
            earliest = self._first(run)
            if earliest is not None:  # says nothing new, but lets the engine pass whole months by
                same.append(at >= earliest - timedelta(days=longest))
        return select(*columns).join(facts, and_(*same)).select_from(units).group_by(units.c.unit).subquery("sums")

    def clipped(self, metrics: Sequence[Counted], by: Sequence[str], values: CTE) -> CTE:
        """The same rows with the tails of money pulled in."""
        bounds: list[Any] = []
        for number, metric in enumerate(metrics):
            if metric.winsorise is not None:
                bounds += self._bounds(values, f"y{number}", metric.winsorise)
                bounds += self._bounds(values, f"x{number}", metric.winsorise) if _has_amount_beside(metric) else []
        if not bounds:
            return values
        found = self._bounds_row(values, bounds)
        columns: list[Any] = [values.c.unit, values.c.customer_id, values.c.arm, values.c.crossed]
        columns += [values.c[f"by_{name}"] for name in by]
        names = {column.name for column in columns}
        for column in values.c:
            if column.name not in names:
                low, high = f"low_{column.name}", f"high_{column.name}"
                pulled = _within(column, found.c[low], found.c[high]) if low in found.c else column
                columns.append(pulled.label(column.name))
        return select(*columns).join(found, true()).select_from(values).cte("pulled_in")

    def _bounds(self, values: CTE, name: str, quantile: float) -> list[Any]:
        """The observed values at a quantile and its mirror, of all arms' units that have any."""
        column = values.c[name]
        kept = and_(column.is_not(None), column != 0)
        found = []
        for label, share in ((f"high_{name}", quantile), (f"low_{name}", 1 - quantile)):
            if self._is_sqlite:
                ranked = select(
                    column.label("value"),
                    func.row_number().over(order_by=column.asc()).label("rank"),
                    func.count().over().label("of"),
                ).where(kept)
                placed = ranked.subquery()
                query = select(func.min(placed.c.value)).where(placed.c.rank >= share * placed.c["of"])
                found.append(query.scalar_subquery().label(label))
            else:
                found.append(func.percentile_disc(share).within_group(column.asc()).filter(kept).label(label))
        return found

    def _bounds_row(self, values: CTE, bounds: Sequence[Any]) -> CTE:
        query: Select[Any] = select(*bounds)
        return (query if self._is_sqlite else query.select_from(values)).cte("bounds")


def is_whole_customer(run: Run, metric: Counted) -> bool:
    """Whether a run on members asks for what is known of customers only: then each customer is one unit, from its first exposure on."""
    return run.unit == "member" and metric.measure.source is not Source.EVENTS


def _has_amount_beside(metric: Counted) -> bool:
    return metric.past_days is not None or metric.measure.how is How.RATIO


def _shift(days: int) -> str:
    return f"later_{days}" if days > 0 else f"earlier_{-days}"


def _sum(condition: Any, value: Any) -> Any:
    return cast(func.sum(case((condition, value), else_=0)), BigInteger)


def _of_unit(number: int, metric: Counted, units: Subquery, sums: Subquery, run: Run) -> list[Any]:
    measure = metric.measure
    y: Any = func.coalesce(sums.c[f"y{number}"], 0)
    if measure.how is How.ANY:
        y = case((y > 0, 1), else_=0)
    elif measure.how is How.NONE:
        y = case((y > 0, 0), else_=1)
    counts = []
    if metric.window_days is not None:
        counts.append(units.c[_shift(metric.window_days)] <= run.until)
    if measure.active_only:
        counts.append(func.coalesce(sums.c[f"had{number}"], 0) > 0)
    does = and_(*counts) if counts else true()
    x = func.coalesce(sums.c[f"x{number}"], 0) if _has_amount_beside(metric) else _NONE
    m = case((sums.c[f"seen{number}"] == 1, 0), else_=1) if metric.past_days is not None else _NONE
    return [case((does, part)).label(f"{name}{number}") for name, part in (("y", y), ("x", x), ("m", m))]


def _within(column: Any, low: Any, high: Any) -> Any:
    """Between the bounds, which never cut on the wrong side of nothing."""
    least, most = case((low < 0, low), else_=0), case((high > 0, high), else_=0)
    return case((column < least, least), (column > most, most), else_=column)


def _books(money: Select[Any]) -> Subquery:
    line = money.subquery()
    revenue: ColumnElement[int] = line.c.earned - line.c.lost
    margin = line.c.earned * MARGIN_BPS - (line.c.lost + line.c.fees) * 10_000
    return select(*line.c, revenue.label("revenue"), margin.label("margin")).subquery("facts")


def _renewals(renewed: Select[Any], moves: Select[Any]) -> Subquery:
    """Periods that were due: those that began, and those that did not because the subscription ended."""
    began, step = renewed.subquery(), moves.subquery()
    one, none = literal(1, BigInteger), literal(0, BigInteger)
    ended = select(step.c.customer_id, step.c.at, none.label("renewed"), one.label("due")).where(step.c.ended == 1)
    return union_all(select(began.c.customer_id, began.c.at, one.label("renewed"), one.label("due")), ended).subquery(
        "facts"
    )
