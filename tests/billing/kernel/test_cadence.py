"""Anchored periods: the anchor is remembered through short months, leap years and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.cadence import Cadence, Interval, local_date
from billing.kernel.errors import InvalidError

MOMENTS = st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2039, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis takes naive bounds
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Honolulu"]
CADENCES = st.builds(
    Cadence,
    anchor=MOMENTS,
    interval=st.sampled_from(Interval),
    count=st.integers(min_value=1, max_value=13),
    zone=st.sampled_from(ZONES),
)


@given(CADENCES, MOMENTS)
def test_every_moment_lies_in_the_period_found_for_it(cadence: Cadence, moment: datetime) -> None:
    """The arithmetic finds the one period that holds the moment."""
    number = cadence.number_at(moment)

    assert moment in cadence.period(number)
    assert cadence.period_at(moment) == cadence.period(number)


@given(CADENCES, st.integers(min_value=-20, max_value=20))
def test_periods_follow_each_other_without_gap_or_overlap(cadence: Cadence, first: int) -> None:
    """The end of each is the start of the next, and boundaries ascend."""
    periods = [cadence.period(first + step) for step in range(5)]

    assert all(before.end == after.start for before, after in pairwise(periods))


@given(CADENCES)
def test_the_anchor_starts_period_zero(cadence: Cadence) -> None:
    """The first period begins at the anchor itself, to the microsecond."""
    assert cadence.boundary(0) == cadence.anchor
    assert cadence.number_at(cadence.anchor) == 0


@given(
    MOMENTS, st.integers(min_value=1, max_value=31), st.sampled_from(ZONES), st.integers(min_value=-30, max_value=30)
)
def test_a_billing_day_is_kept_or_is_the_last_of_its_month(near: datetime, day: int, zone: str, number: int) -> None:
    """Whatever the month, the boundary is on the day, or on the last day where the month is shorter."""
    at = Cadence.monthly_on(day, near, zone).boundary(number)

    date = local_date(at, zone)
    assert date.day == day or (date.day < day and (date + timedelta(days=1)).day == 1)


def test_month_ends_are_remembered() -> None:
    """31 January leads to 28 February and back to 31 March."""
    cadence = Cadence(datetime(2025, 1, 31, tzinfo=UTC))

    assert [cadence.boundary(n).date().isoformat() for n in range(4)] == [
        "2025-01-31",
        "2025-02-28",
        "2025-03-31",
        "2025-04-30",
    ]


def test_a_leap_day_comes_back() -> None:
    """A yearly anchor on 29 February is on the 28th until the next leap year."""
    cadence = Cadence(datetime(2024, 2, 29, tzinfo=UTC), Interval.YEAR)

    assert [cadence.boundary(n).date().isoformat() for n in (1, 3, 4)] == ["2025-02-28", "2027-02-28", "2028-02-29"]


def test_the_hour_on_the_wall_is_kept_across_a_clock_change() -> None:
    """Noon stays noon, though it is another hour of UTC."""
    noon = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    cadence = Cadence(noon, zone="Europe/Berlin")

    assert cadence.boundary(0).hour == 11
    assert cadence.boundary(1).hour == 10


def test_a_time_the_clock_skips_moves_forward_by_the_gap() -> None:
    """02:30 does not exist on the day summer time begins; 03:30 does."""
    cadence = Cadence(
        datetime(2026, 3, 28, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), Interval.DAY, zone="Europe/Berlin"
    )

    assert cadence.boundary(1).astimezone(ZoneInfo("Europe/Berlin")).hour == 3


def test_an_anchor_in_a_repeated_hour_does_not_pull_a_skipped_one_backward() -> None:
    """The second 02:30 of an autumn night, months later in a spring gap, still moves forward."""
    zone = ZoneInfo("Europe/Berlin")
    second = datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=zone)
    cadence = Cadence(second, count=29, zone="Europe/Berlin")

    skipped = cadence.boundary(1).astimezone(zone)
    assert (skipped.date().isoformat(), skipped.hour, skipped.minute) == ("2030-03-31", 3, 30)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd"])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    """The error says what a zone looks like."""
    with pytest.raises(InvalidError):
        Cadence(datetime(2026, 1, 1, tzinfo=UTC), zone=zone)


@pytest.mark.parametrize("day", [0, 32, -1])
def test_a_billing_day_outside_every_month_is_refused(day: int) -> None:
    """Days of a month are 1 to 31."""
    with pytest.raises(InvalidError):
        Cadence.monthly_on(day, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_cadence_of_no_intervals_is_refused() -> None:
    """Zero intervals would never move on."""
    with pytest.raises(InvalidError):
        Cadence(datetime(2026, 1, 1, tzinfo=UTC), count=0)
