"""Measures: their divisions add up, split periods recombine, and both engines and Python agree digit for digit."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.catalog.item import Aggregation, Meter, NotDivisibleError, UnknownGroupError
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.kernel.period import Period
from billing.metering.aggregations.weighted import average_level
from billing.metering.ingest import ingest
from billing.metering.measured import Need, measure
from billing.metering.reading import Reading, passes
from billing.metering.store import EventStore
from billing.metering.windows import Window, measure_windows, windows
from tests.billing.metering.test_aggregate import NOON, numbers, values
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

ONE_SHOP = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
DAY = Period(NOON, NOON + timedelta(days=1))
NEED = Need(dimensions=("region", "size"))
odd = st.sampled_from(
    ["1e3", "1E-30", "1e13", "+5", ".5", "5.", "007", "٣", "9" * 12, "9" * 13, "-0", "0." + "1" * 40, "1\n", " 1"]
)


def _meter(aggregation: Aggregation, **options: Any) -> Meter:
    prop = None if aggregation is Aggregation.COUNT else "value"
    groups = ("region", "size")
    return Meter(key="m", name="M", event_type="e", aggregation=aggregation, prop=prop, groups=groups, **options)


@st.composite
def seen(draw: st.DrawFn, of: st.SearchStrategy[Any] = values | odd) -> list[Reading]:
    """Events from a day before the period to a day after it, with properties."""
    return [
        Reading(
            NOON + timedelta(minutes=draw(st.integers(-1440, 2880))),
            ("api", str(number)),
            value := draw(of),
            {
                "value": value,
                "region": draw(st.sampled_from(["eu", "us", True, 1, None])),
                "op": draw(st.sampled_from(["add", "remove", None])),
            },
        )
        for number in range(draw(st.integers(0, 10)))
    ]


def _inside(readings: list[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.at in DAY]


@given(st.sampled_from(Aggregation), seen(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_division(
    aggregation: Aggregation, readings: list[Reading], random: Any
) -> None:
    """Values, groups and hours are the same in any order."""
    shuffled = list(readings)
    random.shuffle(shuffled)
    adds = aggregation in {Aggregation.COUNT, Aggregation.SUM}
    need = Need(dimensions=("region",), values=adds, zone_of_hours="Asia/Kolkata" if adds else None)

    assert measure(_meter(aggregation), shuffled, need, DAY) == measure(_meter(aggregation), readings, need, DAY)


@given(st.sampled_from([Aggregation.COUNT, Aggregation.SUM]), seen())
def test_divisions_add_up_to_the_quantity(aggregation: Aggregation, readings: list[Reading]) -> None:
    """By group, by event and by hour."""
    found = measure(_meter(aggregation), readings, Need(dimensions=("region",), values=True, zone_of_hours="UTC"), DAY)

    for parts in (found.groups.values(), found.hours.values(), found.values):
        assert sum(map(Fraction, parts), Fraction(0)) == Fraction(found.quantity)


@given(seen(numbers), st.integers(1, 1439))
def test_a_weighted_sum_of_split_periods_recombines(readings: list[Reading], minute: int) -> None:
    """Averages of two parts, weighed by their lengths, are the average of the whole, exactly."""
    middle = NOON + timedelta(minutes=minute)
    parts = [Period(DAY.start, middle), Period(middle, DAY.end)]

    whole = sum((average_level(readings, part) * part.microseconds for part in parts), Fraction(0))
    assert whole == average_level(readings, DAY) * DAY.microseconds


@given(seen())
def test_windows_of_a_sum_add_up(readings: list[Reading]) -> None:
    """Every event inside lies in one window."""
    parts = measure_windows(
        _meter(Aggregation.SUM), _inside(readings), windows(DAY, Window.HOUR, "Europe/Berlin"), Need()
    )

    whole = measure(_meter(Aggregation.SUM), _inside(readings)).quantity
    assert sum((Fraction(part.quantity) for _, part in parts), Fraction(0)) == Fraction(whole)


@given(
    st.sampled_from(Window),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata"]),
    st.integers(0, 700),
)
def test_windows_follow_each_other_through_the_period(window: Window, zone: str, hours: int) -> None:
    """Without a gap, also where clocks change."""
    start = NOON + timedelta(hours=hours * 12)
    spans = windows(Period(start, start + timedelta(days=30)), window, zone)

    assert spans[0].start == start
    assert spans[-1].end == start + timedelta(days=30)
    assert all(one.end == other.start for one, other in pairwise(spans))


@pytest.mark.parametrize(
    "aggregation", [kind for kind in Aggregation if kind not in {Aggregation.COUNT, Aggregation.SUM}]
)
def test_what_does_not_add_up_has_no_single_values(aggregation: Aggregation) -> None:
    """Asking for them is an error, also at publishing; so is a group that the meter does not declare."""
    with pytest.raises(NotDivisibleError):
        measure(_meter(aggregation), [], Need(values=True), DAY)
    with pytest.raises(NotDivisibleError):
        Need(zone_of_hours="UTC").check(_meter(aggregation))
    with pytest.raises(UnknownGroupError):
        Need(dimensions=("colour",)).check(_meter(aggregation))


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


@ONE_SHOP
@given(
    owners=st.lists(seen(), min_size=2, max_size=2),
    filters=st.sampled_from([{}, {"region": ("eu", "true")}, {"region": ("1",)}]),
    minute=st.integers(1, 1439),
)
def test_the_database_measures_as_python_does(
    shop: Shop, owners: list[list[Reading]], filters: dict[str, tuple[str, ...]], minute: int
) -> None:
    """Each aggregation, with and without filters, for customers of different spans at once."""
    kind = new_id("evt")  # an example tried again has events of its own
    spans = {"ann": DAY, "bob": Period(DAY.start, DAY.start + timedelta(minutes=minute))}
    documents = [
        {
            "id": f"{kind}{owner}{item.order[1]}",
            "source": "api",
            "type": kind,
            "customer": owner,
            "time": item.at.isoformat(),
            "data": dict(item.data),
        }
        for owner, items in zip(spans, owners, strict=True)
        for item in items
    ]
    with shop.database.unit(shop.scope) as unit:
        assert ingest(unit, documents, now=START).accepted == len(documents)
        ids = _ids(unit)
        for aggregation in Aggregation:
            meter = Meter(key="m", name="M", event_type=kind, aggregation=aggregation, prop="value", filters=filters)
            found = EventStore(unit).measure_many(meter, Need(), {ids[owner]: span for owner, span in spans.items()})
            for (owner, span), items in zip(spans.items(), owners, strict=True):
                carried = aggregation is Aggregation.WEIGHTED_SUM
                kept = [
                    i for i in items if passes(meter, i.data) and i.at < span.end and (carried or i.at >= span.start)
                ]
                assert found[ids[owner]] == measure(meter, kept, Need(), span), Counter(map(str, kept))


def _ids(unit: Any) -> dict[str, str]:
    return CustomerStore(unit).ids_by_key(["ann", "bob"])
