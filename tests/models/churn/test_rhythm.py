"""The horizon is read off the shop's own rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.churn.rhythm import LONGEST_DAYS, SHORTEST_DAYS, USUAL_DAYS, churn_horizon, pauses_days
from models.tabular.labels import DAY_US


def regular(every_days: int, customers: int = 20, orders: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Customers who each order every so many days."""
    names = np.repeat([f"c{number}" for number in range(customers)], orders)
    return names, np.tile(np.arange(orders), customers) * every_days * DAY_US


@pytest.mark.parametrize(("every", "days"), [(3, SHORTEST_DAYS), (50, 56), (400, LONGEST_DAYS)])
def test_a_regular_shop_has_its_own_pause_in_whole_weeks(every: int, days: int) -> None:
    """Rounded up to weeks and held between 30 and 180 days."""
    found = churn_horizon(*regular(every))

    assert found.days == days
    assert found.typical_pause_days == every
    assert f"{days} days" in found.explanation


def test_a_new_shop_gets_the_usual_days() -> None:
    """Too few pauses say nothing, and the explanation says that."""
    found = churn_horizon(*regular(10, customers=2, orders=3))

    assert found.days == USUAL_DAYS
    assert "too few" in found.explanation


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=60))
def test_the_order_of_rows_and_repeated_orders_of_a_day_change_nothing(
    orders: list[tuple[int, int]],
) -> None:
    """Pauses are between order days."""
    customers = np.array([customer for customer, _ in orders], dtype=np.int64)
    at_us = np.array([day for _, day in orders], dtype=np.int64) * DAY_US

    forward = pauses_days(customers, at_us)
    doubled = pauses_days(np.concatenate([customers, customers])[::-1], np.concatenate([at_us, at_us + 5])[::-1])

    np.testing.assert_array_equal(forward, doubled)
    assert (forward > 0).all()
