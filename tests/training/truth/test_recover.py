"""The truth benchmark on one small shop: everything is compared, and the policy beats treating nobody by far."""

from __future__ import annotations

import json

from features.view import Source
from training.simulate.history import history_of
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec
from training.truth.recover import bench_truth
from training.truth.table import render, to_json


def test_one_small_shop_is_recovered_in_part() -> None:
    """Four hundred members: the figures lie where they can, and text and JSON tell the same seed."""
    report = bench_truth(seeds=1, customers=400, days=240)
    row = report.rows[0]

    assert 0 < row.segment_rand < row.segment_rand_ceiling < 1
    assert row.hazard_segment_error < 0.1
    assert row.policy_share > 0.3
    assert row.uplift_rmse < 3 * row.uplift_rmse_constant
    assert "policy: share of what the true one earns" in render(report)
    assert json.loads(to_json(report))["rows"][0]["seed"] == 0


def test_the_history_is_what_the_shop_would_know() -> None:
    """A row for each line, event and step of a plan, none at or after the end; the add-on is left out."""
    shop = simulate(ShopSpec(customers=30, days=120, seed=3))
    history = history_of(shop)

    assert history.rows(Source.PURCHASES) == shop.purchases.at_us.size
    assert history.rows(Source.USAGE) == shop.usage.at_us.size
    assert history.rows(Source.SUBSCRIPTIONS) == int((shop.subscriptions.plan < 3).sum())
    assert int(history.column(Source.PURCHASES, "amount_minor").sum()) == int(shop.purchases.amount_minor.sum())
    assert all(history.column(source, "at_us").max() < shop.spec.end_us for source in Source)
