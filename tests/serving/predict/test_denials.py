"""Refusals counted by the day."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.db.counters import MemoryCounters
from serving.predict.denials import denials_by_day, denials_of, judged, note_denial
from tests.shop import START

DAY = timedelta(days=1)


@given(days=st.lists(st.integers(0, 25), max_size=20), asked=st.integers(0, 30), window=st.integers(1, 10))
def test_the_window_slides_by_the_day(days: list[int], asked: int, window: int) -> None:
    """What counts is what was refused on the last days up to today, of this customer and feature alone."""
    counters = MemoryCounters(lambda: 0)
    for day in days:
        note_denial(counters, "ten", "ann", "api", now=START + day * DAY)
        note_denial(counters, "ten", "bob", "api", now=START + day * DAY)
        note_denial(counters, "ten", "ann", "sso", now=START + day * DAY)

    found = denials_of(counters, "ten", "ann", ["api"], now=START + asked * DAY, days=window)

    assert found.get("api", 0) == sum(asked - window < day <= asked for day in days)


def test_the_day_it_became_often_is_the_first_by_which_it_was() -> None:
    """Two and two are often on the second day; two alone never."""
    counters = MemoryCounters(lambda: 0)
    for day in (0, 0, 3, 3):
        note_denial(counters, "ten", "ann", "api", now=START + day * DAY)
    by_day = denials_by_day(counters, "ten", "ann", ["api"], now=START + 3 * DAY)["api"]

    assert judged("api", "API", by_day, 3).reached_on == max(by_day)
    assert judged("api", "API", by_day, 5).reached_on is None
