"""Rollups: always what the events add up to, whatever came when, and read in their place without a difference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from billing.catalog.item import Aggregation, Meter
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.kernel.period import Period
from billing.metering.amend import amend
from billing.metering.by_window import usage_by_window
from billing.metering.ingest import ingest
from billing.metering.measured import Need, measure
from billing.metering.reading import Reading, passes
from billing.metering.roll_up import prove_rollups, roll_up_new
from billing.metering.rollup import ROLLED, definition_of, whole_hours
from billing.metering.rollup_store import RollupStore
from billing.metering.store import EventStore
from billing.metering.tables import UsageRollupRow
from billing.metering.windows import Window, measure_windows, windows
from billing.revenue.check import usage
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database, Unit

FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
HOUR = timedelta(hours=1)
DAY = Period(START - timedelta(hours=30), START)
values = st.one_of(
    st.integers(-5, 10**13),
    st.sampled_from(["1.50", "1e3", "1E-30", "007", "9" * 13, "many", "0." + "1" * 30, "-2.5", True, None, 10**18]),
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


@st.composite
def events(draw: st.DrawFn) -> list[tuple[str, int, Any, str | None]]:
    """(customer, minutes before START, value, region) of a few events, crowded around the hours."""
    return [
        (
            draw(st.sampled_from(["ann", "bob"])),
            draw(st.integers(0, 40)) * 60 + draw(st.sampled_from([0, 1, 30, 59])),
            draw(values),
            draw(st.sampled_from(["eu", "us", None])),
        )
        for _ in range(draw(st.integers(0, 14)))
    ]


def _meters(kind: str) -> list[Meter]:
    return [
        Meter(
            key=f"{kind}-{aggregation.value}-{len(filters)}",
            name="M",
            event_type=kind,
            aggregation=aggregation,
            prop="value",
            filters=filters,
        )
        for aggregation in sorted(ROLLED, key=lambda each: each.value)
        for filters in ({}, {"region": ("eu",)})
    ]


def _documents(kind: str, found: list[tuple[str, int, Any, str | None]], start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{kind}-{number}",
            "type": kind,
            "customer": customer,
            "time": (START - timedelta(minutes=minutes)).isoformat(),
            "data": {"value": value, "region": region},
        }
        for number, (customer, minutes, value, region) in enumerate(found, start)
    ]


def _prepared(shop: Shop, meters: list[Meter]) -> None:
    with shop.database.unit(shop.scope) as unit:
        for meter in meters:
            CatalogStore(unit).put_meter(meter)
        roll_up_new(unit, now=START)


def _in_python(unit: Unit, meter: Meter, customer: str, span: Period) -> Decimal:
    readings = [
        Reading(at, ("api", event_id), data.get(meter.prop or ""), data)
        for owner, kind, at, _, data, _, event_id in EventStore(unit).rows_before(START + HOUR)
        if (owner, kind) == (customer, meter.event_type) and at in span and passes(meter, data)
    ]
    return measure(meter, readings, Need(), span).quantity


@FEW
@given(first=events(), second=events(), minute=st.integers(0, 200), late=st.booleans())
def test_usage_read_with_rollups_is_what_the_events_come_to(
    shop: Shop, first: list[Any], second: list[Any], minute: int, *, late: bool
) -> None:
    """Before and after the meter existed, amended or not, sent twice or not, by every aggregation that has them."""
    kind = new_id("evt")
    meters = _meters(kind)
    spans = [DAY, Period(DAY.start + timedelta(minutes=minute), START - timedelta(minutes=minute // 2))]
    sent = _documents(kind, first), _documents(kind, second, len(first))
    if not late:
        _prepared(shop, meters)
    for batch in (*sent, sent[0]):
        with shop.database.unit(shop.scope) as unit:
            ingest(unit, batch, now=START)
    if late:
        _prepared(shop, meters)
    if first:
        with shop.database.unit(shop.scope) as unit:
            amend(unit, "api", f"{kind}-0", {"id": f"{kind}-x", "data": {"value": "3.25"}}, now=START)

    with shop.database.view(shop.scope) as unit:
        assert list(prove_rollups(unit)) == []
        ids = CustomerStore(unit).ids_by_key(["ann", "bob"])
        for meter in meters:
            assert RollupStore(unit).read(meter, dict.fromkeys(ids.values(), DAY)) is not None
            for span in spans:
                found = EventStore(unit).measure_many(meter, Need(), dict.fromkeys(ids.values(), span))
                for customer in ids.values():
                    assert found[customer].quantity == _in_python(unit, meter, customer, span), meter
                for zone in ("UTC", "Asia/Kolkata"):
                    parts = usage_by_window(unit, ids["ann"], meter, windows(span, Window.HOUR, zone), Need())
                    seen = EventStore(unit).readings(ids["ann"], meter, span)
                    assert parts == measure_windows(meter, seen, windows(span, Window.HOUR, zone), Need()), (
                        meter,
                        zone,
                    )


@given(st.integers(0, 300), st.integers(1, 300))
def test_whole_hours_and_edges_are_the_period(start: int, length: int) -> None:
    """Without a gap and without an overlap."""
    period = Period(START + timedelta(minutes=start), START + timedelta(minutes=start + length))
    whole, edges = whole_hours(period)
    parts = sorted([*edges, *([whole] if whole else [])])

    assert sum(part.microseconds for part in parts) == period.microseconds
    assert (parts[0].start, parts[-1].end) == (period.start, period.end)
    assert whole is None or (whole.start.minute, whole.end.minute) == (0, 0)


def _sum_meter(**options: Any) -> Meter:
    return Meter(key="kg", name="kg", event_type="parcel", aggregation=Aggregation.SUM, prop="kg", **options)


def _parcel(number: int, kg: Any, region: str = "eu") -> dict[str, Any]:
    at = (START - 3 * HOUR + timedelta(minutes=number)).isoformat()
    return {"id": str(number), "type": "parcel", "customer": "ann", "time": at, "data": {"kg": kg, "region": region}}


def _quantity(shop: Shop, meter: Meter) -> Decimal:
    with shop.database.view(shop.scope) as unit:
        return EventStore(unit).quantity(CustomerStore(unit).get("ann").id, meter, DAY)


def _ingest(shop: Shop, *documents: dict[str, Any]) -> None:
    with shop.database.unit(shop.scope) as unit:
        assert ingest(unit, documents, now=START).accepted == len(documents)


def test_a_changed_meter_reads_the_events_until_it_is_built_anew(shop: Shop) -> None:
    """Also when it is changed back after events came that its old rollups have not seen."""
    plain, filtered = _sum_meter(), _sum_meter(filters={"region": ("us",)})
    _prepared(shop, [plain])
    _ingest(shop, _parcel(1, "2.5"), _parcel(2, 4, "us"))
    with shop.database.unit(shop.scope) as unit:
        CatalogStore(unit).put_meter(filtered)
    assert _quantity(shop, filtered) == 4
    _ingest(shop, _parcel(3, 8))
    with shop.database.unit(shop.scope) as unit:
        CatalogStore(unit).put_meter(plain)

    assert _quantity(shop, plain) == Decimal("14.5")
    with shop.database.unit(shop.scope) as unit:
        assert "kg" in roll_up_new(unit, now=START)
        assert roll_up_new(unit, now=START) == ()
    assert _quantity(shop, plain) == Decimal("14.5")
    with shop.database.view(shop.scope) as unit:
        assert list(prove_rollups(unit)) == []


def test_what_was_tampered_with_is_found(shop: Shop) -> None:
    """The proof names the hour, and the check of the books tells it."""
    _prepared(shop, [_sum_meter()])
    _ingest(shop, _parcel(1, 5))
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(UsageRollupRow).where(UsageRollupRow.meter_key == "kg").values(total=Decimal(6)))

    with shop.database.view(shop.scope) as unit:
        (found,) = prove_rollups(unit)
        (told,) = usage.check(unit)
    assert (found.meter_key, found.hour) == ("kg", START - 3 * HOUR)
    assert (str(found.kept.total), str(found.events.total)) == ("6", "5")
    assert told.code == "usage_rollup_differs"


def test_rollups_are_read_in_place_of_events(shop: Shop) -> None:
    """A sum that the rollups alone could give is given: the events of whole hours are not looked at."""
    _prepared(shop, [_sum_meter()])
    _ingest(shop, _parcel(1, 5))
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(UsageRollupRow).where(UsageRollupRow.meter_key == "kg").values(total=Decimal(7)))

    assert _quantity(shop, _sum_meter()) == 7


def test_many_decimals_are_kept_to_the_last(shop: Shop) -> None:
    """As numerics or as digits, beyond what a binary fraction or 28 places hold."""
    tiny = "0." + "0" * 29 + "1"
    _prepared(shop, [_sum_meter()])
    _ingest(shop, _parcel(1, "999999999999"))
    _ingest(shop, _parcel(2, tiny))

    assert _quantity(shop, _sum_meter()) == Decimal("999999999999." + tiny[2:])


def test_property_names_are_values_to_the_database(shop: Shop) -> None:
    """A name that reads like SQL is a name."""
    nasty = "x') OR 1=1; --"
    meter = Meter(
        key="n", name="N", event_type="parcel", aggregation=Aggregation.SUM, prop=nasty, filters={"a'b": ("c'd",)}
    )
    _prepared(shop, [meter])
    document = {**_parcel(1, 0), "data": {nasty: 3, "a'b": "c'd"}}
    _ingest(shop, document, _parcel(2, 4))

    assert _quantity(shop, meter) == 3
    assert (
        _quantity(shop, Meter(key="other", name="N", event_type="parcel", aggregation=Aggregation.SUM, prop=nasty)) == 3
    )


def test_a_definition_is_what_is_read_not_what_it_is_called() -> None:
    """Names and groups change nothing; a filter, a property or an aggregation does."""
    assert definition_of(_sum_meter()) == definition_of(_sum_meter(groups=("region",)))
    assert definition_of(_sum_meter()) != definition_of(_sum_meter(filters={"region": ("eu",)}))


def test_another_tenants_rollups_are_not_seen(shop: Shop) -> None:
    """Rows of one key stand side by side."""
    other = open_shop(shop.database, "Leaf Lane")
    for each in (shop, other):
        _prepared(each, [_sum_meter()])
    _ingest(shop, _parcel(1, 5))
    _ingest(other, _parcel(1, 7))

    assert [int(_quantity(each, _sum_meter())) for each in (shop, other)] == [5, 7]
    with shop.database.view(other.scope) as unit:
        rows = unit.session.scalars(select(UsageRollupRow)).all()
    assert [row.total for row in rows] == [7]
