"""When a tenant's night comes, whatever its zone does to its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.runs.settings import Every, LearningSettings, LearningSettingsError

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001 (the strategy adds the zone)


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 23))
def test_a_night_comes_within_a_day_and_two_hours_at_the_hour_that_was_set(
    moment: datetime, zone: str, hour: int
) -> None:
    """Strictly later, and at that local hour unless the clocks leave it out."""
    due = LearningSettings(hour=hour).next_after(moment, zone)

    assert due is not None
    assert moment < due <= moment + timedelta(hours=26)
    assert (due.astimezone(ZoneInfo(zone)).hour - hour) % 24 in {0, 1}


@given(MOMENTS, st.sampled_from(ZONES))
def test_weeks_begin_on_monday(moment: datetime, zone: str) -> None:
    """Once in a week."""
    due = LearningSettings(every=Every.WEEK).next_after(moment, zone)

    assert due is not None
    assert due.astimezone(ZoneInfo(zone)).weekday() == 0
    assert due - moment <= timedelta(days=7, hours=2)


def test_never_is_never_and_nonsense_is_refused() -> None:
    """With what would be right."""
    assert LearningSettings(every=Every.NEVER).next_after(datetime(2026, 1, 1, tzinfo=UTC), "UTC") is None
    with pytest.raises(LearningSettingsError, match="0 to 23"):
        LearningSettings(hour=24)
    with pytest.raises(LearningSettingsError, match="0 to 30 days"):
        LearningSettings(shadow_days=31)
