"""What the routine does for features: segments of rules fall due, and a difference of what was served is a failure of the round."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from features.online import features_of
from features.segments.rules.store import RuleStore
from features.segments.rules.tree import read_tree
from features.served.keep import keep_served
from features.served.store import ServedStore
from serving.jobs.routine import run_routine
from serving.telemetry import REGISTRY
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from serving.wiring import Services


def _differing() -> float:
    return REGISTRY.get_sample_value("uptier_served_features_checked_total", {"result": "differing"}) or 0.0


def test_a_wrong_vector_fails_the_round_and_is_counted(services: Services) -> None:
    """One vector is right and one is not; the next minute asks nothing again."""
    shop = open_shop(services.database, "Fern Row")
    with services.database.unit(shop.scope) as unit:
        customer = CustomerStore(unit).get("ann").id
        values = features_of(unit, customer, now=START)
        keep_served(unit, "profile", customer, values, now=START)
        keep_served(unit, "profile", customer, {**values, "orders_30d": 7}, now=START)
        RuleStore(unit).put("all", "All", read_tree({"not": {"consent": "x"}}), START)
    before = _differing()

    report = run_routine(services, shop.scope, now=START + timedelta(hours=1))
    again = run_routine(services, shop.scope, now=START + timedelta(hours=1, minutes=1))

    assert report.done["features_checked"] == 2
    assert report.done["segments_entered"] >= 2
    assert [what for what, _ in report.failed] == ["served features"]
    assert _differing() == before + 1
    assert "features_checked" not in again.done
    assert not again.failed
    with services.database.view(shop.scope) as unit:
        assert ServedStore(unit).checks(1)[0].differing == 1
