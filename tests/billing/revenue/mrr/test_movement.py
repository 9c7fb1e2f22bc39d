"""Monthly revenue moves by exactly its movements, whatever happened in whatever order."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.period import Period
from billing.metering.windows import Window, windows
from billing.revenue.mrr.movement import Move, Movement, Step, movement, movements
from billing.revenue.mrr.report import over

START = datetime(2026, 1, 1, tzinfo=UTC)


def step(day: int, minor: int, *, subscription: str = "sub_1", customer: str = "ann", currency: str = "EUR") -> Step:
    """A step so many days after the start."""
    at = START + timedelta(days=day)
    return Step(customer=customer, currency=currency, subscription=subscription, at=at, minor=minor)


def told(*steps: Step) -> list[tuple[Movement, int]]:
    """Kinds and amounts."""
    return [(move.kind, move.minor) for move in movements(steps)]


@pytest.mark.parametrize(
    ("before", "after", "paid_before", "kind"),
    [
        (0, 900, False, Movement.NEW),
        (0, 900, True, Movement.REACTIVATION),
        (900, 1900, True, Movement.EXPANSION),
        (1900, 900, True, Movement.CONTRACTION),
        (900, 0, True, Movement.CHURN),
        (900, 900, True, None),
        (0, 0, False, None),
    ],
)
def test_what_a_change_is(before: int, after: int, paid_before: bool, kind: Movement | None) -> None:  # noqa: FBT001 (a table)
    """Each pair has one name, or none where nothing moved."""
    assert movement(before, after, paid_before=paid_before) is kind


def test_a_life_with_a_trial_a_pause_and_a_return() -> None:
    """A trial is worth nothing; a pause is churn and its end reactivation, and so is another subscription after the end."""
    assert told(
        step(0, 0),  # a trial
        step(14, 900),
        step(20, 1900),
        step(40, 900),
        step(50, 0),  # a pause
        step(60, 900),
        step(70, 900),  # cancelled, and still running
        step(80, 0),
        step(200, 4900, subscription="sub_2"),
    ) == [
        (Movement.NEW, 900),
        (Movement.EXPANSION, 1000),
        (Movement.CONTRACTION, -1000),
        (Movement.CHURN, -900),
        (Movement.REACTIVATION, 900),
        (Movement.CHURN, -900),
        (Movement.REACTIVATION, 4900),
    ]


def test_what_happens_at_one_instant_is_one_movement() -> None:
    """Who ends one subscription and begins another at the same instant has expanded, not left and come back."""
    assert told(step(0, 900), step(9, 0), step(9, 1900, subscription="sub_2")) == [
        (Movement.NEW, 900),
        (Movement.EXPANSION, 1000),
    ]


def test_customers_and_currencies_move_apart() -> None:
    """The same customer in another currency is new there."""
    assert told(step(0, 900), step(5, 1000, currency="USD", subscription="sub_2"), step(1, 700, customer="bob")) == [
        (Movement.NEW, 900),
        (Movement.NEW, 1000),
        (Movement.NEW, 700),
    ]


HISTORIES = st.lists(
    st.builds(
        step,
        st.integers(0, 200),
        st.one_of(st.just(0), st.integers(0, 10**9)),
        subscription=st.sampled_from(["sub_1", "sub_2"]),
        customer=st.sampled_from(["ann", "bob", "cleo"]),
        currency=st.sampled_from(["EUR", "JPY"]),
    ),
    max_size=40,
)


def _ordered(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda each: (each.customer, each.currency, each.at))


@given(HISTORIES, st.integers(0, 200), st.integers(1, 120), st.sampled_from([Window.DAY, Window.MONTH]))
def test_the_difference_is_the_sum_of_the_movements(steps: list[Step], first: int, days: int, window: Window) -> None:
    """In each window and over all of them; and each end is what the last steps before it left, summed by hand."""
    period = Period(START + timedelta(days=first), START + timedelta(days=first + days))
    ordered = _ordered(steps)
    rows = over(movements(ordered), windows(period, window, "UTC"))
    for row in rows:
        assert row.opening + sum(row.moved.values(), row.opening - row.opening) == row.closing
        assert row.opening.amount_minor == _worth(ordered, row.currency, row.period.start)
        assert row.closing.amount_minor == _worth(ordered, row.currency, row.period.end)
    for before, after in pairwise(rows):
        if before.currency == after.currency:
            assert before.closing == after.opening


def _worth(steps: list[Step], currency: str, before: datetime) -> int:
    """What the last steps before an instant left, without any movement."""
    last = {
        (each.customer, each.subscription): each.minor
        for each in steps
        if each.at < before and each.currency == currency
    }
    return sum(last.values())


@given(HISTORIES)
def test_movements_have_the_sign_of_their_kind_and_alternate(steps: list[Step]) -> None:
    """A customer is new once at most, and only who left can come back."""
    own: dict[tuple[str, str], list[Move]] = defaultdict(list)
    for move in movements(_ordered(steps)):
        own[move.customer, move.currency].append(move)
        rises = move.kind in {Movement.NEW, Movement.EXPANSION, Movement.REACTIVATION}
        assert (move.minor > 0) is rises
    for moves in own.values():
        kinds = [move.kind for move in moves]
        assert kinds[0] is Movement.NEW
        assert kinds.count(Movement.NEW) == 1
        gone = [kind for kind in kinds if kind in {Movement.NEW, Movement.CHURN, Movement.REACTIVATION}]
        assert all((kind is Movement.CHURN) is (place % 2 == 1) for place, kind in enumerate(gone))


@given(HISTORIES, st.integers(0, 100))
def test_the_average_of_a_window_is_that_of_its_days(steps: list[Step], first: int) -> None:
    """Averages by time add up: thirty days weigh the same."""
    period = Period(START + timedelta(days=first), START + timedelta(days=first + 30))
    whole = over(movements(_ordered(steps)), [period])
    days = over(movements(_ordered(steps)), windows(period, Window.DAY, "UTC"))
    for row in whole:
        own = [day.average_exact for day in days if day.currency == row.currency]
        assert sum(own, Fraction(0)) / 30 == row.average_exact


def test_the_average_counts_from_the_instant() -> None:
    """Twelve euro from the middle of a window of thirty days are six on average."""
    (row,) = over(movements([step(15, 1200)]), [Period(START, START + timedelta(days=30))])
    assert (row.average.text, row.closing.text, row.opening.text) == ("6.00", "12.00", "0.00")
    assert row.counts[Movement.NEW] == 1
