"""The calendar of retries and the end of access, by known answers and for every sequence of declines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments.dunning import (
    CalendarError,
    Dunning,
    DunningState,
    RetryCalendar,
    access_until,
    keeps_access,
)

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = timedelta(days=1)
calendars = st.lists(st.integers(1, 60), max_size=20).map(lambda days: RetryCalendar.days(*days))


def _fresh() -> Dunning:
    return Dunning(invoice_id="inv", customer_id="cus")


def _declined(dunning: Dunning, calendar: RetryCalendar, at: datetime, *, retryable: bool = True) -> Dunning:
    return dunning.failed(at=at, method="pm_1", code="card_declined", retryable=retryable, calendar=calendar)


@given(calendar=calendars)
def test_the_last_attempt_is_as_far_away_as_the_waits_together(calendar: RetryCalendar) -> None:
    """One failure more than there are waits, each on its day, and it is exhausted on the day the calendar ends."""
    dunning, at, attempts = _fresh(), NOW, 0
    while dunning.state is not DunningState.EXHAUSTED:
        dunning = _declined(dunning, calendar, at)
        attempts += 1
        at = dunning.next_attempt_at or at

    assert attempts == dunning.failures == len(calendar.waits) + 1
    assert at - NOW == calendar.total
    assert dunning.next_attempt_at is None
    assert dunning.past_due_at == NOW


@given(calendar=calendars, final=st.integers(0, 19))
def test_a_final_decline_sets_no_attempt_and_is_given_up_when_the_calendar_ends(
    calendar: RetryCalendar, final: int
) -> None:
    """Whichever failure it is."""
    dunning, at = _fresh(), NOW
    for number in range(len(calendar.waits)):
        dunning = _declined(dunning, calendar, at, retryable=number < final)
        if number >= final:
            assert dunning.waits_for_method
            assert dunning.next_attempt_at is None
            assert not dunning.is_overdue(NOW + calendar.total - DAY)
            assert dunning.is_overdue(NOW + calendar.total)
            return
        assert dunning.next_attempt_at is not None
        at = dunning.next_attempt_at


@given(grace=st.integers(0, 90), later=st.integers(0, 200))
def test_access_ends_once_and_excludes_its_end(grace: int, later: int) -> None:
    """Kept before `past_due_at` + grace, gone from there on, also when it is exhausted."""
    dunning, end = _declined(_fresh(), RetryCalendar(), NOW), NOW + grace * DAY
    for each in (dunning, dunning.given_up()):
        assert access_until(each, grace * DAY) == end
        assert keeps_access(each, grace * DAY, NOW + later * DAY) == (later < grace)
    assert access_until(dunning.settled(), grace * DAY) is None


def test_the_default_calendar_is_two_five_seven_and_seven_days() -> None:
    """Attempts on days 0, 2, 7, 14 and 21."""
    calendar = RetryCalendar()

    assert [(calendar.next(failures, NOW) or NOW) - NOW for failures in range(1, 6)] == [
        2 * DAY,
        5 * DAY,
        7 * DAY,
        7 * DAY,
        0 * DAY,
    ]
    assert calendar.total == 21 * DAY


def test_another_method_is_tried_at_once_and_the_blocked_one_is_not() -> None:
    """Only while past due: what was given up or held stays so."""
    blocked = _declined(_fresh(), RetryCalendar(), NOW, retryable=False)

    assert blocked.method_changed("pm_1", NOW + DAY) == blocked
    again = blocked.method_changed("pm_2", NOW + DAY)
    assert (again.next_attempt_at, again.blocked_method) == (NOW + DAY, None)
    for done in (blocked.given_up(), blocked.held(), blocked.settled()):
        assert done.method_changed("pm_2", NOW + DAY) == done
        assert _declined(done, RetryCalendar(), NOW) == done


@pytest.mark.parametrize("waits", [(timedelta(),), (-DAY,), (61 * DAY,), (DAY,) * 21])
def test_waits_that_make_no_calendar_are_refused(waits: tuple[timedelta, ...]) -> None:
    """None, backwards, too long, too many."""
    with pytest.raises(CalendarError):
        RetryCalendar(waits)
