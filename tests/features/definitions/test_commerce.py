"""The shop views on one customer's year, with answers one can check by hand."""

from __future__ import annotations

import pytest

from features.definitions.commerce import VIEWS
from features.fold_engine import compute_one
from features.view import DAY_US, Source
from tests.strategies_features import purchase

NOW = 20_000 * DAY_US


def test_a_year_of_three_baskets_and_a_return_is_summed_up() -> None:
    """Baskets 300, 60 and 10 days ago of 40.00, 30.00 and 20.00, the last in two lines, one of them later returned for 5.00."""
    rows = [
        purchase(NOW - 300 * DAY_US, row_id="1", basket="b1", item="tea", amount_minor=4000),
        purchase(NOW - 60 * DAY_US, row_id="2", basket="b2", item="mug", amount_minor=3000),
        purchase(NOW - 10 * DAY_US, row_id="3", basket="b3", item="tea", amount_minor=1500),
        purchase(NOW - 10 * DAY_US, row_id="4", basket="b3", item="pot", amount_minor=500),
        purchase(NOW - 5 * DAY_US, row_id="5", basket="b3", item="pot", amount_minor=-500, quantity=-1),
    ]

    assert compute_one(VIEWS, {Source.PURCHASES: rows}, "ann", NOW) == {
        "orders_30d": 1,
        "orders_90d": 2,
        "orders_365d": 3,
        "spend_30d_minor": 1500,
        "spend_90d_minor": 4500,
        "spend_365d_minor": 8500,
        "days_since_last_order": 5,
        "days_since_first_order": 300,
        "mean_order_gap_days": pytest.approx(147.5),
        "distinct_items_365d": 3,
        "basket_value_365d_minor": pytest.approx(8500 / 3),
        "spend_trend_30d_90d": 1.0,
        "order_trend_90d_365d": pytest.approx(8 / 3),
    }


def test_a_customer_who_never_bought_has_the_defaults() -> None:
    """Nothing bought, longest ago, no trend."""
    found = compute_one(VIEWS, {Source.PURCHASES: []}, "ann", NOW)

    assert {name: value for name, value in found.items() if value} == {
        "days_since_last_order": 3650,
        "mean_order_gap_days": 3650.0,
    }
