"""Earning a line day by day: it sums to the line, never overshoots, and does not depend on when anybody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.invoices.deferred.schedule import DAY, Schedule, advanced, day_end, opened, to_come
from billing.kernel.money import Money

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
hours = st.integers(0, 24 * 70)


def line(
    minor: int, *, length: timedelta | None = timedelta(days=28), issued_after: timedelta = timedelta()
) -> Schedule:
    """A line over `length` from START, issued some time after its period began."""
    return opened(
        invoice_id="inv_1",
        position=0,
        customer_id="cus_1",
        issued_at=START + issued_after,
        amount=Money(minor, "EUR"),
        starts_at=None if length is None else START,
        ends_at=None if length is None else START + length,
    )


def _sum(steps: list[tuple[datetime, Money]]) -> int:
    return sum(amount.amount_minor for _, amount in steps)


@given(st.integers(-100_000, 100_000), st.integers(1, 24 * 60), st.lists(hours, max_size=8))
def test_the_days_sum_to_the_line_whenever_anybody_looks(minor: int, length: int, looks: list[int]) -> None:
    """All at once, or at any instants: the same amounts on the same days, of one sign, and in the end the whole line."""
    whole = line(minor, length=timedelta(hours=length))
    end = START + timedelta(days=100)
    done, steps = advanced(whole, end)
    parts: list[tuple[datetime, Money]] = []
    now = whole
    for look in (*sorted(looks), 24 * 100):
        now, found = advanced(now, START + timedelta(hours=look))
        parts += found
    assert (now, parts) == (done, steps)
    assert _sum(steps) == minor
    assert all(amount.amount_minor * minor > 0 for _, amount in steps)
    assert done.due_at is None
    assert done.deferred == Money.zero("EUR")


@given(
    st.integers(1, 100_000), st.lists(st.tuples(hours, st.integers(1, 40_000)), max_size=5), st.lists(hours, max_size=5)
)
def test_credits_at_any_time_leave_what_is_left_of_the_line(
    minor: int, cuts: list[tuple[int, int]], looks: list[int]
) -> None:
    """Whenever parts are credited, in the end exactly the rest was earned, and nothing is deferred."""
    now, earned = line(minor), 0
    for at, cut in sorted([*cuts, *((look, 0) for look in looks)]):
        moment = START + timedelta(hours=at)
        now, steps = advanced(now, moment)
        earned += _sum(steps)
        now = now.credited(min(Money(cut, "EUR"), now.amount), moment)
    done, steps = advanced(now, START + timedelta(days=200))
    assert earned + _sum(steps) == done.amount.amount_minor == now.amount.amount_minor
    assert done.due_at is None


def test_a_month_from_nine_in_the_morning() -> None:
    """28 euro over 28 days: 15 of 24 hours on the first day, a euro each day, nine hours on the last."""
    _, steps = advanced(line(2_800), START + timedelta(days=40))
    amounts = [amount.amount_minor for _, amount in steps]
    assert (amounts[0], set(amounts[1:-1]), amounts[-1], len(amounts)) == (62, {100}, 38, 29)
    assert steps[0][0] == datetime(2026, 2, 1, tzinfo=UTC)
    assert steps[-1][0] == datetime(2026, 3, 1, tzinfo=UTC)


def test_what_is_issued_late_catches_up_on_the_day_of_its_issue() -> None:
    """Three days into its period, the first three days are earned on the day it was issued, none before."""
    _, steps = advanced(line(2_800, issued_after=timedelta(days=3)), START + 4 * DAY)
    assert [at for at, _ in steps] == [day_end(START + 3 * DAY)]
    assert steps[0][1] == Money(362, "EUR")


def test_a_line_without_a_period_is_earned_the_day_it_is_issued() -> None:
    """One step, at the end of that day."""
    done, steps = advanced(line(500, length=None), START + DAY)
    assert (steps, done.due_at) == ([(day_end(START), Money(500, "EUR"))], None)


def test_a_period_that_begins_later_waits_for_it() -> None:
    """Invoiced ten days ahead: nothing is earned before its first day ends."""
    ahead = opened(
        invoice_id="inv_1",
        position=0,
        customer_id="cus_1",
        issued_at=START,
        amount=Money(1_000, "EUR"),
        starts_at=START + 10 * DAY,
        ends_at=START + 20 * DAY,
    )
    _, steps = advanced(ahead, START + 30 * DAY)
    assert steps[0][0] == day_end(START + 10 * DAY)
    assert _sum(steps) == 1_000


def test_what_is_to_come_is_what_will_be_earned() -> None:
    """By month, beyond what is recognised: together the rest of the line."""
    half, _ = advanced(line(2_800), START + 14 * DAY)
    ends = [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)]
    found = list(to_come(half, iter(ends)))
    assert sum(amount.amount_minor for _, amount in found) == half.deferred.amount_minor
    assert found[1][1] == Money.zero("EUR")
