"""The queries that add up what became of customers after their first exposure to offers, by arm and by group.

Each customer's rows count from their own exposure on, up to the end of the report and no longer than the window. The database adds up one
row a customer and then one a group; what other contexts keep comes as a part of a query from their stores.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Double, and_, case, cast, func, literal, select, union_all

from billing.bundles.store import BundleQuoteStore
from billing.customers.store import CustomerStore
from billing.invoices.past_store import PastStore
from billing.ledger.store import LedgerStore
from billing.metering.listing_store import EventListing
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from features.contact.store import ContactStore
from features.decisions.showing_store import ShowingStore
from features.experiments.exposures_store import ExposureStore
from features.feedback.store import FeedbackStore
from features.success.added import PAST_DAYS, Added, Earned
from features.success.measures import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import CTE, Select

    from billing.db.session import Unit
    from features.success.added import Asked
    from features.success.measures import Measure

_MANY: Final = 10_000
_CUSTOMERS: Final = frozenset({"customers", "subscribed"})


class SuccessStore:
    """Adds up outcomes of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session
        self._is_sqlite = unit.session.get_bind().dialect.name == "sqlite"

    def exposed(self, asked: Asked) -> dict[str, tuple[int, datetime]]:
        """How many customers were first exposed in each arm, and when the first of them was."""
        met = ExposureStore(self._unit).met(asked.experiment).subquery()
        query = select(met.c.arm, func.count(), func.min(met.c.at)).group_by(met.c.arm)
        query = query.where(met.c.at >= asked.since, met.c.at < asked.until)
        return {str(arm): (int(count), at) for arm, count, at in self._session.execute(query)}

    def earned(self, asked: Asked) -> Iterator[Earned]:
        """A customer at a time, in no order."""
        people = self._people(asked, None)
        money = self._within(LedgerStore(self._unit).customer_money(asked.currency), asked)
        after = and_(money.c.at >= people.c.at, money.c.at < people.c.ends_at)
        before = and_(money.c.at < people.c.at, money.c.at >= people.c.past_at)
        query = (
            select(
                people.c.arm,
                _sum(after, money.c.earned),
                _sum(after, money.c.lost),
                _sum(after, money.c.fees),
                _sum(before, money.c.earned - money.c.lost),
            )
            .select_from(people)
            .outerjoin(money, and_(money.c.customer_id == people.c.customer_id, money.c.at >= people.c.past_at))
            .group_by(people.c.customer_id, people.c.arm)
        )
        for arm, *minor in self._session.execute(query.execution_options(yield_per=_MANY)):
            yield Earned(str(arm), *map(int, minor))

    def added(self, asked: Asked, measures: Iterable[Measure], by: str | None = None) -> list[Added]:
        """Sums of each measure by arm, and by the levels of a group: `segment` and `plan` at the exposure, `cohort` the month they came."""
        ordered = sorted(measures, key=lambda measure: measure.source.value)
        found: list[Added] = []
        for source, wanted in groupby(ordered, key=lambda measure: measure.source):
            found += self._of(asked, source, list(wanted), by)
        return found

    def _of(self, asked: Asked, source: Source, measures: Sequence[Measure], by: str | None) -> list[Added]:
        sums = self._by_customer(asked, source, measures, by)
        columns: list[Any] = [sums.c.arm, sums.c.level]
        for number in range(len(measures)):
            y, x = sums.c[f"y{number}"], sums.c[f"x{number}"]
            real_y, real_x = cast(y, Double), cast(x, Double)
            columns += [func.count(y), func.sum(y), func.sum(x)]
            columns += [func.sum(real_y * real_y), func.sum(real_x * real_x), func.sum(real_x * real_y)]
        rows = self._session.execute(select(*columns).group_by(sums.c.arm, sums.c.level))
        return [
            _added(measure, arm, level, parts[6 * number : 6 * number + 6])
            for arm, level, *parts in rows
            for number, measure in enumerate(measures)
        ]

    def _by_customer(self, asked: Asked, source: Source, measures: Sequence[Measure], by: str | None) -> CTE:
        """A row a customer: y and x of each measure, null where the customer does not count."""
        people = self._people(asked, by)
        fact = self._facts(asked, source)
        counts = and_(fact.c.at >= people.c.at, fact.c.at < people.c.ends_at)
        had = None
        columns: list[Any] = [people.c.arm, people.c.level]
        if any(measure.per == "subscribed" for measure in measures):
            earlier = fact.c.at < people.c.at
            had = _sum(earlier, fact.c.started) - _sum(earlier, fact.c.ended) > 0
        for number, measure in enumerate(measures):
            y = _sum(counts, fact.c[measure.value])
            y = case((y > 0, 1), else_=0) if measure.once else y
            x = literal(1, BigInteger) if measure.per in _CUSTOMERS else _over(counts, fact, measure)
            if measure.per == "subscribed" and had is not None:
                y, x = case((had, y)), case((had, x))
            columns += [y.label(f"y{number}"), x.label(f"x{number}")]
        same = fact.c.customer_id == people.c.customer_id
        joined = same if had is not None else and_(same, fact.c.at >= people.c.at)
        query = select(*columns).select_from(people).outerjoin(fact, joined)
        return query.group_by(people.c.customer_id, people.c.arm, people.c.level).cte("sums")

    def _people(self, asked: Asked, by: str | None) -> CTE:
        met = ExposureStore(self._unit).met(asked.experiment).subquery("met")
        level: Any = literal("")
        source: Any = met
        if by == "cohort":
            start = CustomerStore(self._unit).starts().subquery("start")
            source = met.join(start, start.c.customer_id == met.c.customer_id)
            level = self._month(start.c.started_at)
        elif by is not None:
            level = met.c[by]
        ends: Any = literal(asked.until, type_=met.c.at.type)
        if asked.window_days is not None:
            own = self._shifted(met.c.at, asked.window_days)
            ends = case((own < ends, own), else_=ends)
        past = self._shifted(met.c.at, -PAST_DAYS)
        columns = [met.c.customer_id, met.c.arm, met.c.at, level.label("level")]
        query = select(*columns, ends.label("ends_at"), past.label("past_at")).select_from(source)
        return query.where(met.c.at >= asked.since, met.c.at < asked.until).cte("people")

    def _facts(self, asked: Asked, source: Source) -> Any:
        unit = self._unit
        if source is Source.BOOKS:
            line = LedgerStore(unit).customer_money(asked.currency).subquery()
            return self._within(select(*line.c, (line.c.earned - line.c.lost).label("revenue")), asked)
        if source is Source.RENEWALS:
            return self._within(_renewals(PastStore(unit).renewals(), HistoryStore(unit).moves()), asked)
        if source is Source.TICKETS:
            events = [EventListing(unit).counted(kind, "", by_member=False) for kind in asked.tickets]
            return self._within(_counted(union_all(*events).subquery(), "tickets"), asked)
        query, name = {
            Source.ORDERS: (PurchaseStore(unit).order_money(asked.currency), "lines"),
            Source.STEPS: (HistoryStore(unit).moves(), "steps"),
            Source.ANSWERS: (ShowingStore(unit).answers(), "answers"),
            Source.BUNDLES: (BundleQuoteStore(unit).taken(), "bundles"),
            Source.FEEDBACK: (FeedbackStore(unit).ratings(), "ratings"),
            Source.UNSUBSCRIBES: (ContactStore(unit).leavings(), "unsubscribed"),
        }[source]
        return self._within(_counted(query.subquery(), name), asked, from_ever=source is Source.STEPS)

    def _within(self, query: Select[Any], asked: Asked, *, from_ever: bool = False) -> Any:
        """The rows that may count. SQLite finds a customer's by its indexes, which bounds of time would lead it away from.

        PostgreSQL, which knows nothing of a new table, would go through all of it for each customer: there they are found once.
        """
        if self._is_sqlite:
            return query.subquery("facts")
        row = query.subquery()
        spans = [row.c.at < asked.until]
        if not from_ever:
            spans.append(row.c.at >= asked.since - timedelta(days=PAST_DAYS))
        return select(*row.c).where(*spans).cte("facts").prefix_with("MATERIALIZED")

    def _shifted(self, at: Any, days: int) -> Any:
        """An instant so many times 24 hours later, to the microsecond on both engines; SQLite keeps instants as text."""
        if self._is_sqlite:
            return func.strftime("%Y-%m-%d", at, f"{days:+d} days").concat(func.substr(at, 11))
        return at + func.make_interval(0, 0, 0, 0, days * 24)

    def _month(self, at: Any) -> Any:
        return func.strftime("%Y-%m", at) if self._is_sqlite else func.to_char(func.timezone("UTC", at), "YYYY-MM")


def _over(counts: Any, fact: Any, measure: Measure) -> Any:
    """What a measure is divided by: names are counted as how many different ones, all else is added up."""
    if measure.per == "basket":
        return func.count(case((counts, fact.c.basket)).distinct())
    return _sum(counts, fact.c[measure.per])


def _sum(condition: Any, value: Any) -> Any:
    return cast(func.coalesce(func.sum(case((condition, value), else_=0)), 0), BigInteger)


def _counted(rows: Any, name: str) -> Select[Any]:
    return select(*rows.c, literal(1, BigInteger).label(name))


def _renewals(renewed: Select[Any], moves: Select[Any]) -> Select[Any]:
    """Periods that were due: those that began, and those that did not because the subscription ended."""
    began, step = renewed.subquery(), moves.subquery()
    one, none = literal(1, BigInteger), literal(0, BigInteger)
    ended = select(step.c.customer_id, step.c.at, none.label("renewed"), one.label("due")).where(step.c.ended == 1)
    both = union_all(select(began.c.customer_id, began.c.at, one.label("renewed"), one.label("due")), ended)
    return select(*both.subquery().c)


def _added(measure: Measure, arm: str, level: str | None, parts: Sequence[Any]) -> Added:
    n, y, x, yy, xx, xy = (part or 0 for part in parts)
    scale = measure.scale
    return Added(
        measure=measure.key,
        arm=str(arm),
        group=str(level or ""),
        n=int(n),
        y=float(y) / scale,
        x=float(x),
        yy=float(yy) / scale**2,
        xx=float(xx),
        xy=float(xy) / scale,
    )
