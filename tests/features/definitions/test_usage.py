"""The usage views on one customer's quarter, with answers one can check by hand."""

from __future__ import annotations

from features.definitions.usage import VIEWS
from features.fold_engine import compute_one
from features.view import DAY_US, Source
from tests.strategies_features import usage

NOW = 20_000 * DAY_US


def test_a_quarter_of_falling_usage_is_summed_up() -> None:
    """Six units 60 days ago, two units and a seat on one day 20 days ago, one unit yesterday."""
    rows = [
        usage(NOW - 60 * DAY_US, row_id="1", quantity_micro=6_000_000),
        usage(NOW - 20 * DAY_US, row_id="2", quantity_micro=2_000_000),
        usage(NOW - 20 * DAY_US + 3, row_id="3", quantity_micro=1_000_000, meter="seats"),
        usage(NOW - DAY_US, row_id="4", quantity_micro=1_000_000),
    ]

    assert compute_one(VIEWS, {Source.USAGE: rows}, "ann", NOW) == {
        "usage_7d_micro": 1_000_000,
        "usage_30d_micro": 4_000_000,
        "usage_90d_micro": 10_000_000,
        "usage_active_days_30d": 2,
        "usage_active_days_90d": 3,
        "meters_used_30d": 2,
        "days_since_last_use": 1,
        "usage_trend_7d_30d": 1.0,
        "active_days_trend_30d_90d": 2.0,
    }


def test_a_customer_who_stopped_shows_a_trend_of_nothing() -> None:
    """Usage 60 days ago and none since: the trend is 0, and no division fails."""
    found = compute_one(VIEWS, {Source.USAGE: [usage(NOW - 60 * DAY_US, row_id="1")]}, "ann", NOW)

    assert (found["usage_trend_7d_30d"], found["active_days_trend_30d_90d"], found["days_since_last_use"]) == (
        0.0,
        0.0,
        60,
    )
