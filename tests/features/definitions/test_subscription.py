"""The subscription views along one customer's contract, with answers one can check by hand."""

from __future__ import annotations

import pytest

from features.definitions.subscription import VIEWS
from features.fold_engine import compute_one
from features.view import DAY_US, Source
from tests.strategies_features import change

NOW = 20_000 * DAY_US
STEPS = [
    change(NOW - 200 * DAY_US, "started", row_id="1", plan="basic", plan_rank=1, mrr_minor=900),
    change(NOW - 120 * DAY_US, "changed", row_id="2", plan="pro", plan_rank=2, mrr_minor=2900),
    change(NOW - 50 * DAY_US, "cancelled", row_id="3", plan="pro", plan_rank=2, mrr_minor=2900),
    change(NOW - 40 * DAY_US, "changed", row_id="4", plan="basic", plan_rank=1, mrr_minor=900),
    change(NOW - 30 * DAY_US, "resumed", row_id="5", plan="basic", plan_rank=1, mrr_minor=900),
    change(NOW - 10 * DAY_US, "ended", row_id="6", plan="basic", plan_rank=1, mrr_minor=0),
]


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        (200, (-1, 0, 0, 0, 0)),
        (110, (2, 2900, 90, 1, 0)),
        (45, (2, 2900, 155, 1, 1)),
        (35, (1, 900, 165, 2, 1)),
        (20, (1, 900, 180, 1, 0)),
        (0, (1, 0, 200, 1, 1)),
    ],
    ids=["not-yet", "upgraded", "cancelled", "changed-while-cancelled", "resumed", "ended"],
)
def test_each_stage_of_a_contract_reads_as_it_stood_then(days_ago: int, expected: tuple[int, ...]) -> None:
    """Rank, MRR, tenure, changes in 90 days and the cancelled flag, asked at six moments of one history."""
    found = compute_one(VIEWS, {Source.SUBSCRIPTIONS: STEPS}, "ann", NOW - days_ago * DAY_US)

    assert (
        tuple(found[name] for name in ("plan_rank", "mrr_minor", "tenure_days", "plan_changes_90d", "is_cancelled"))
        == expected
    )
