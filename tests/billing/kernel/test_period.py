"""Half-open periods: neighbours neither overlap nor leave a gap, and shares are exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import InvalidError
from billing.kernel.period import Period

MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis takes naive bounds
WHOLE = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Any period of this century's first half."""
    start, end = sorted(draw(st.tuples(MOMENTS, MOMENTS).filter(lambda pair: pair[0] != pair[1])))
    return Period(start, end)


@given(periods(), MOMENTS)
def test_a_period_holds_its_start_and_not_its_end(period: Period, moment: datetime) -> None:
    """Membership is start <= moment < end."""
    assert period.start in period
    assert period.end not in period
    assert (moment in period) == (period.start <= moment < period.end)


@given(periods(), periods())
def test_an_overlap_is_what_both_hold(left: Period, right: Period) -> None:
    """The overlap is symmetric, inside both, and missing only where they do not meet."""
    common = left.overlap(right)

    assert common == right.overlap(left)
    if common is None:
        assert left.end <= right.start or right.end <= left.start
    else:
        assert common.share_of(left) == Fraction(common.microseconds, left.microseconds)


@given(periods(), st.lists(MOMENTS, max_size=8))
def test_the_shares_of_any_split_add_up_to_one(whole: Period, cuts: list[datetime]) -> None:
    """Cutting a period anywhere, any number of times, loses and doubles nothing."""
    inner = sorted({cut for cut in cuts if whole.start < cut < whole.end})
    bounds = [whole.start, *inner, whole.end]
    pieces = [Period(start, end) for start, end in pairwise(bounds)]

    assert sum((piece.share_of(whole) for piece in pieces), Fraction(0)) == 1


def test_what_is_left_of_a_period() -> None:
    """From before the start all is left, from the end on nothing."""
    assert WHOLE.since(WHOLE.start - timedelta(days=1)) == WHOLE
    assert WHOLE.since(WHOLE.end) is None
    assert WHOLE.since(datetime(2026, 1, 31, tzinfo=UTC)) == Period(datetime(2026, 1, 31, tzinfo=UTC), WHOLE.end)


def test_a_period_that_does_not_end_after_its_start_is_refused() -> None:
    """Empty and reversed periods are mistakes."""
    with pytest.raises(InvalidError):
        Period(WHOLE.start, WHOLE.start)
    with pytest.raises(InvalidError):
        Period(WHOLE.end, WHOLE.start)


def test_a_moment_without_a_zone_is_refused() -> None:
    """A naive time would be a guess."""
    with pytest.raises(InvalidError):
        Period(datetime(2026, 1, 1), WHOLE.end)  # noqa: DTZ001 - the naive time is the point
