"""Moving a cadence to another zone: the boundary stays, and periods tile on both sides of it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.zone_move import moved_zone

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Asia/Kathmandu"])
CADENCES = st.builds(
    Cadence,
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001 (Hypothesis draws them without a zone)
    st.sampled_from(Interval),
    st.integers(1, 6),
    ZONES,
)


@given(CADENCES, st.integers(0, 40), ZONES)
def test_boundaries_tile_after_a_move(cadence: Cadence, number: int, zone: str) -> None:
    """The boundary is the same instant, and what follows rises without a gap or an overlap."""
    moved, at = moved_zone(cadence, number, zone)

    assert moved.zone == zone
    assert moved.boundary(at) == cadence.boundary(number)
    for step in range(4):
        period = moved.period(at + step)
        assert period.start < period.end == moved.period(at + step + 1).start


@given(CADENCES, st.integers(0, 40))
def test_moving_to_the_same_zone_changes_no_boundary_of_days(cadence: Cadence, number: int) -> None:
    """A cadence that stays where it is goes on at the instants it would have had, daylight-saving shifts of its own clock aside."""
    moved, at = moved_zone(cadence, number, cadence.zone)

    there, here = moved.boundary(at + 1), cadence.boundary(number + 1)
    assert abs((there - here).total_seconds()) <= 4 * 86_400
