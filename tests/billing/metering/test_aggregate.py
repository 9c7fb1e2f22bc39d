"""Meters: exact, and the same whatever the order in which events arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.item import Aggregation, Meter
from billing.kernel.errors import InvalidError
from billing.kernel.period import Period
from billing.metering.aggregate import Reading, number_of, quantity

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = Period(NOON, NOON + timedelta(hours=1))

numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=12).map(str),
)
values = st.one_of(numbers, st.none(), st.booleans(), st.sampled_from(["", "many", "1,5", "nan"]))


@st.composite
def batches(draw: st.DrawFn, of: st.SearchStrategy[Any] = values) -> list[Reading]:
    """Readings with few distinct times, so that many tie; (source, id) is unique as it is in the store."""
    count = draw(st.integers(0, 12))
    return [
        Reading(NOON + timedelta(seconds=draw(st.integers(0, 2))), (draw(st.sampled_from("ab")), f"{number}"), draw(of))
        for number in range(count)
    ]


def _meter(aggregation: Aggregation) -> Meter:
    prop = None if aggregation is Aggregation.COUNT else "value"
    return Meter(key="m", name="M", event_type="e", aggregation=aggregation, prop=prop)


def _at(second: int, name: str, value: object) -> Reading:
    return Reading(NOON + timedelta(seconds=second), ("api", name), value)


@given(st.sampled_from(Aggregation), batches(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(aggregation: Aggregation, readings: list[Reading], random: Any) -> None:
    """Any order of the same events is the same quantity, to the last digit."""
    shuffled = list(readings)
    random.shuffle(shuffled)

    assert quantity(_meter(aggregation), shuffled, HOUR) == quantity(_meter(aggregation), readings, HOUR)


@given(batches(numbers))
def test_a_sum_is_exact(readings: list[Reading]) -> None:
    """It equals the sum of fractions, however large and small the parts."""
    expected = sum((Fraction(str(reading.value)) for reading in readings), Fraction(0))

    assert Fraction(quantity(_meter(Aggregation.SUM), readings)) == expected


@given(batches(numbers), batches(numbers))
def test_sums_and_counts_add_up_and_a_maximum_is_the_larger(first: list[Reading], second: list[Reading]) -> None:
    """Splitting the events of a period and putting the parts together is the whole."""
    for aggregation in (Aggregation.SUM, Aggregation.COUNT):
        meter = _meter(aggregation)
        parts = Fraction(quantity(meter, first)) + Fraction(quantity(meter, second))
        assert Fraction(quantity(meter, first + second)) == parts
    if first and second:
        meter = _meter(Aggregation.MAX)
        assert quantity(meter, first + second) == max(quantity(meter, first), quantity(meter, second))


@given(batches(numbers).filter(bool))
def test_the_latest_value_is_the_last_in_time_and_then_in_name(readings: list[Reading]) -> None:
    """Ties of time are broken by source and id, so there is one answer."""
    last = max(readings, key=lambda reading: (reading.at, reading.order))

    assert quantity(_meter(Aggregation.LATEST), readings) == number_of(last.value)


@pytest.mark.parametrize("aggregation", Aggregation)
def test_no_events_are_nothing(aggregation: Aggregation) -> None:
    """Zero, not an error."""
    assert quantity(_meter(aggregation), [], HOUR) == 0


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        (Aggregation.COUNT, 6),
        (Aggregation.SUM, Decimal("5.5")),
        (Aggregation.MAX, Decimal("2.5")),
        (Aggregation.UNIQUE, 4),
        (Aggregation.LATEST, Decimal(-1)),
    ],
)
def test_what_is_no_number_counts_only_where_numbers_do_not_matter(aggregation: Aggregation, expected: object) -> None:
    """Events: 2, 2, "2.5", "red", nothing, and -1 at last."""
    given_values = [2, "2", "2.5", "red", None, -1]
    readings = [_at(number, str(number), value) for number, value in enumerate(given_values)]

    assert quantity(_meter(aggregation), readings) == expected


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12).filter(lambda x: abs(x) > 1e-30)
)
def test_a_number_as_json_writes_it_is_read_as_that_number(number: float) -> None:
    """Also in the notation with an exponent that small and large numbers come in."""
    assert number_of(repr(number)) == Decimal(repr(number))


@pytest.mark.parametrize("value", [True, False, None, "", "1,5", "nan", "Infinity", "0x10", "1 000", [1], {"a": 1}])
def test_what_is_not_a_number_is_none(value: object) -> None:
    """True is not one."""
    assert number_of(value) is None


@pytest.mark.parametrize("aggregation", [kind for kind in Aggregation if kind is not Aggregation.COUNT])
def test_a_meter_that_reads_values_names_the_property(aggregation: Aggregation) -> None:
    """Only a count can do without."""
    with pytest.raises(InvalidError, match="property"):
        Meter(key="m", name="M", event_type="e", aggregation=aggregation)


def test_a_number_no_invoice_could_price_counts_nothing() -> None:
    """One absurd event neither stops a billing run nor bills a fortune."""
    absurd = [Reading(NOON, ("a", "0"), "1e25"), Reading(NOON, ("a", "1"), 10**13), Reading(NOON, ("a", "2"), 2)]

    assert quantity(_meter(Aggregation.SUM), absurd) == 2
