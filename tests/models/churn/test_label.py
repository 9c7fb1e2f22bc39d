"""Churn labels look strictly past the moment and never guess about what is not observed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.churn.label import Spells, label_contract, label_silence
from models.tabular.labels import DAY_US, NEVER_US, LabelInputError, LabelWindowError, Window

WINDOW = Window.after(100 * DAY_US, horizon_days=30)
SEEN = 200 * DAY_US


def days(*numbers: int) -> np.ndarray:
    """Moments at these days."""
    return np.array([n if n == NEVER_US else n * DAY_US for n in numbers], dtype=np.int64)


def test_who_orders_nothing_in_the_window_has_left() -> None:
    """The window holds its start and not its end; whoever is new in it is not judged."""
    customers = np.array(["at start", "at end", "inside", "new", "at start", "at end", "inside"])

    found = label_silence(customers, days(10, 10, 10, 120, 100, 130, 129), window=WINDOW, observed_until_us=SEEN)

    assert dict(zip(found.customers.tolist(), found.label.tolist(), strict=True)) == {
        "at start": False,
        "at end": True,
        "inside": False,
    }
    assert found.rate == pytest.approx(1 / 3)


def test_who_was_long_gone_can_be_left_out() -> None:
    """A last order older than the limit is not at risk any more."""
    customers = np.array(["old", "recent"])

    found = label_silence(customers, days(10, 60), window=WINDOW, observed_until_us=SEEN, active_within_days=40)

    assert found.customers.tolist() == ["recent"]


def test_a_window_that_is_still_open_is_refused() -> None:
    """Silence that has not been heard out proves nothing."""
    with pytest.raises(LabelWindowError):
        label_silence(np.array(["a"]), days(10), window=WINDOW, observed_until_us=WINDOW.end_us - 1)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 250)), max_size=80))
def test_orders_after_the_window_change_no_label(orders: list[tuple[int, int]]) -> None:
    """What lies past the window is nobody's business."""
    customers = np.array([customer for customer, _ in orders], dtype=np.int64)
    at_us = np.array([day for _, day in orders], dtype=np.int64) * DAY_US
    early = at_us < WINDOW.end_us

    whole = label_silence(customers, at_us, window=WINDOW, observed_until_us=SEEN)
    cut = label_silence(customers[early], at_us[early], window=WINDOW, observed_until_us=SEEN)

    np.testing.assert_array_equal(whole.customers, cut.customers)
    np.testing.assert_array_equal(whole.label, cut.label)


def spells(*rows: tuple[str, int, int, bool]) -> Spells:
    """Spells given in days."""
    return Spells(
        customers=np.array([row[0] for row in rows]),
        started_us=days(*(row[1] for row in rows)),
        ended_us=days(*(row[2] for row in rows)),
        involuntary=np.array([row[3] for row in rows]),
    )


def test_a_subscription_that_ends_and_stays_ended_is_churn() -> None:
    """Resuming within the grace days is not; resuming later is, and so is a failed payment, which is told apart."""
    found = label_contract(
        spells(
            ("stays", 0, NEVER_US, False),
            ("leaves", 0, 110, False),
            ("pauses", 0, 110, False),
            ("pauses", 120, NEVER_US, False),
            ("returns late", 0, 110, False),
            ("returns late", 150, NEVER_US, False),
            ("unpaid", 0, 115, True),
            ("leaves after", 0, 140, False),
            ("was gone", 0, 90, False),
            ("was gone, back soon", 0, 95, False),
            ("was gone, back soon", 105, NEVER_US, False),
            ("comes later", 105, NEVER_US, False),
        ),
        window=WINDOW,
        observed_until_us=SEEN,
    )

    labels = dict(zip(found.all.customers.tolist(), found.all.label.tolist(), strict=True))
    assert labels == {
        "stays": False,
        "leaves": True,
        "pauses": False,
        "returns late": True,
        "unpaid": True,
        "leaves after": False,
    }
    assert found.all.customers[found.involuntary].tolist() == ["unpaid"]
    assert "unpaid" not in found.voluntary.customers.tolist()


def test_moving_to_another_subscription_is_not_churn() -> None:
    """Cover is what counts, whichever subscription gives it."""
    found = label_contract(
        spells(("a", 0, 110, False), ("a", 90, NEVER_US, False)), window=WINDOW, observed_until_us=SEEN
    )

    assert found.all.label.tolist() == [False]


def test_the_grace_days_must_be_observed_too() -> None:
    """Otherwise a customer who will resume tomorrow would be counted as gone."""
    with pytest.raises(LabelWindowError):
        label_contract(spells(("a", 0, 110, False)), window=WINDOW, observed_until_us=WINDOW.end_us)


def test_columns_of_different_length_are_named() -> None:
    """The error carries each length."""
    with pytest.raises(LabelInputError) as caught:
        label_silence(np.array(["a"]), days(1, 2), window=WINDOW, observed_until_us=SEEN)

    assert caught.value.facts == {"customers": 1, "at_us": 2}
