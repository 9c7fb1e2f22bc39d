"""Stages by the customer's own rhythm: known lives, and what must hold of every life."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.segments.life_cycle import Stage, own_gap, stage_of, typical_gap_of
from features.segments.observe import visits_of_all
from features.sources import instant_of
from features.view import DAY_US, Source
from tests.strategies_features import purchase, source_table, usage

WEEKLY = list(range(0, 210, 7))
LIVES = st.lists(st.integers(0, 400), min_size=1, max_size=25, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("visits", "today", "expected"),
    [
        ([], 100, Stage.PROSPECT),
        ([95], 100, Stage.NEW),
        ([80, 95], 100, Stage.NEW),
        (WEEKLY, 205, Stage.ACTIVE),
        (WEEKLY, 203 + 16, Stage.AT_RISK),
        (WEEKLY, 203 + 40, Stage.LAPSED),
        ([0], 50, Stage.AT_RISK),
        ([0], 91, Stage.LAPSED),
        ([*WEEKLY, 300], 305, Stage.RETURNED),
        ([*WEEKLY, *range(300, 371, 7)], 371, Stage.ACTIVE),
    ],
)
def test_known_lives(visits: list[int], today: int, expected: Stage) -> None:
    """A weekly visitor is late after two weeks; who came once has the shop's month to come again."""
    assert stage_of(visits, today, typical_gap=30.0).stage is expected


def test_a_slow_customer_is_not_late_where_a_quick_one_is() -> None:
    """Twenty days are nothing to who comes every quarter."""
    quarterly = [0, 90, 180, 270, 360]

    assert stage_of(quarterly, 380, typical_gap=30.0).stage is Stage.ACTIVE
    assert stage_of(WEEKLY, 203 + 20, typical_gap=30.0).stage is Stage.AT_RISK


def test_who_pays_without_a_visit_is_active() -> None:
    """A subscription that is used elsewhere."""
    assert stage_of([], 100, typical_gap=30.0, subscribed=True).stage is Stage.ACTIVE


def test_the_shop_s_gap_is_the_middle_customer_s_and_30_days_where_nobody_came_twice() -> None:
    """A few quick ones don't make a shop quick."""
    assert typical_gap_of([[0, 10], [0, 20, 40], [0, 90], [5]]) == 20.0
    assert typical_gap_of([[1], []]) == 30.0


@settings(max_examples=80, deadline=None)
@given(visits=LIVES, later=st.integers(0, 500), gap=st.sampled_from((5.0, 30.0, 100.0)))
def test_waiting_only_ever_moves_away(visits: list[int], later: int, gap: float) -> None:
    """Without another visit a customer goes on to at risk and to lapsed, and never back; the gap lies between own and typical."""
    order = {Stage.NEW: 0, Stage.ACTIVE: 0, Stage.RETURNED: 0, Stage.AT_RISK: 1, Stage.LAPSED: 2}
    now, then = (stage_of(visits, visits[-1] + days, typical_gap=gap) for days in (later, later + 10))

    assert order[now.stage] <= order[then.stage]
    if len(visits) > 1:
        own = (visits[-1] - visits[0]) / (len(visits) - 1)
        assert min(own, gap) - 1e-9 <= own_gap(visits, gap) <= max(own, gap, 1.0) + 1e-9


def test_visits_are_the_different_days_known_by_now() -> None:
    """Two orders on a day are one visit; what was told late is none yet; uses count for who never orders."""
    now = instant_of(100 * DAY_US)
    orders = [
        purchase(90 * DAY_US + 5, row_id="p1"),
        purchase(90 * DAY_US + 9, row_id="p2"),
        purchase(80 * DAY_US, row_id="p3"),
        purchase(70 * DAY_US, row_id="p4", received_us=101 * DAY_US),
        purchase(100 * DAY_US, row_id="p5"),
        purchase(-1, row_id="p6", customer="old"),
    ]
    uses = [usage(50 * DAY_US, row_id="u1"), usage(60 * DAY_US, row_id="u2", customer="bob")]
    tables = {
        Source.PURCHASES: source_table(Source.PURCHASES, orders),
        Source.USAGE: source_table(Source.USAGE, uses),
    }

    found = visits_of_all(tables, now)
    nothing = visits_of_all({source: table.slice(0, 0) for source, table in tables.items()}, now)

    assert found.days == {"ann": [80, 90], "bob": [60], "old": [-1]}
    assert found.typical_gap == 10.0
    assert nothing.days == {}
