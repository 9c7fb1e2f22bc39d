"""Outcomes added up by the database: the same sums as by hand, unit by unit, on both engines."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from features.experiments.measures import by_key, counted
from features.experiments.metrics_store import MetricsStore, arm_sums
from features.experiments.outcomes_store import Run
from tests.features.experiments.outcomes import DAYS, RUN, by_hand, fill
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from features.experiments.measures import Counted

UNTIL = START + timedelta(days=DAYS - 3, hours=5)
_EVENT = {"event": "lesson"}
METRICS: list[Counted] = [
    replace(by_key("revenue"), key="ever"),
    by_key("revenue", window_days=7),
    by_key("margin", window_days=10),
    replace(by_key("revenue", window_days=7), winsorise=0.8, key="tighter"),
    by_key("cash", window_days=14, uses_past=False),
    by_key("refunds", window_days=14),
    by_key("spend", window_days=5),
    by_key("orders", window_days=5),
    by_key("average_order_value", window_days=9),
    counted({"key": "taught", "measure": "event_count", "kind": "mean", "window_days": 6, **_EVENT}),
    counted({"key": "learned", "measure": "event_rate", "kind": "rate", **_EVENT}),
    counted({"key": "minutes", "measure": "event_sum", "kind": "mean", "field": "minutes", "window_days": 8, **_EVENT}),
]


def test_sums_are_those_of_a_recomputation_unit_by_unit(database: Database) -> None:
    """Every measure, with and without windows, tails, a past and dimensions: equal to the last digit that a float holds."""
    shop = open_shop(database, customers=())
    with database.unit(shop.scope) as unit:
        made = fill(unit, seed=7)

    with database.view(shop.scope) as unit:
        for by in ((), ("plan", "segment", "week"), ("day",)):
            cells = MetricsStore(unit).cells(Run(experiment=RUN, until=UNTIL), METRICS, by)
            for metric in METRICS:
                wanted = by_hand(made, metric, UNTIL, by)
                found = {(c.arm, c.is_crossed, c.levels): c.moments for c in cells if c.metric == metric.key}
                found = {place: moments for place, moments in found.items() if moments.n}
                assert found.keys() == wanted.keys(), (metric.key, by)
                for place, moments in wanted.items():
                    assert astuple(found[place]) == pytest.approx(astuple(moments), rel=1e-12), (metric.key, by, place)


@pytest.mark.parametrize("metric", METRICS[:2], ids=("all", "window"))
def test_crossing_units_count_in_the_arm_they_met_first(database: Database, metric: Counted) -> None:
    """`arm_sums` adds both kinds of units together."""
    shop = open_shop(database, customers=())
    with database.unit(shop.scope) as unit:
        made = fill(unit, seed=3, customers=30)
        found = arm_sums(unit, RUN, metric, until=UNTIL, window_days=None)

    wanted = by_hand(made, metric, UNTIL, ())
    for arm, moments in found.items():
        parts = [part for (name, _, _), part in wanted.items() if name == arm]
        assert moments.n == sum(part.n for part in parts)
        assert moments.y == pytest.approx(sum(part.y for part in parts))
