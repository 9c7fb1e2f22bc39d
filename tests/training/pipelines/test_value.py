"""The value job on a shop whose truth is known: whole minor units, ranges that hold, and no contract for those who have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.scores.store import PPM, Score, ScoreStore
from models.value.worth import ValueModel
from training.pipelines import value

if TYPE_CHECKING:
    from tests.training.stocked import Stocked
    from training.context import JobContext
    from training.history import History


@pytest.fixture(scope="module")
def context(stocked: Stocked, history: History) -> JobContext:
    """A run with an empty registry of its own, after which values stand in the database."""
    found = stocked.run(history)
    report = value.run(found)
    assert report.promoted, report.reason
    return found


@pytest.fixture(scope="module")
def scores(context: JobContext) -> dict[str, Score]:
    """What was written."""
    with context.database.view(context.scope) as unit:
        return ScoreStore(unit).of_task(value.TASK)


def test_amounts_are_whole_minor_units_within_their_range(scores: dict[str, Score]) -> None:
    """Orders and contract add up, the range holds the amount, and the stored millionths are the amount itself."""
    for score in scores.values():
        document = score.document
        low, high = document["interval"]
        assert document["amount_minor"] == document["orders_minor"] + document["contract_minor"]
        assert all(isinstance(document[name], int) for name in ("amount_minor", "orders_minor", "contract_minor"))
        assert 0 <= low <= document["amount_minor"] <= high
        assert score.value * PPM == pytest.approx(document["amount_minor"])
        assert (document["currency"], document["horizon_days"]) == ("EUR", value.HORIZON_DAYS)
        assert document["rung"]


def test_value_follows_what_members_truly_do(stocked: Stocked, scores: dict[str, Score]) -> None:
    """Those who truly order often and stay are worth more, and only who pays for a plan has a contract."""
    truth = stocked.shop.truth
    place = {customer: number for number, customer in enumerate(stocked.ids)}
    rows = np.array([place[customer] for customer in scores])
    there = truth.leaves_us[rows] >= stocked.shop.spec.end_us
    true = truth.orders_per_day[rows] * there / truth.monthly_hazard[rows]
    told = np.array([score.document["amount_minor"] for score in scores.values()])
    contract = np.array([score.document["contract_minor"] for score in scores.values()])

    assert spearmanr(told, true).statistic > 0.6
    assert (contract[~there] == 0).all()
    assert (contract[there] > 0).mean() > 0.99


def test_the_published_model_is_the_one_that_scored(context: JobContext, scores: dict[str, Score]) -> None:
    """It loads, its card names its rung, and scores carry its version."""
    champion = context.registry.champion(context.scope.tenant_id, value.TASK)
    assert champion is not None
    model = ValueModel.load(champion.folder)

    assert champion.card.rung == model.rung
    assert {score.version for score in scores.values()} == {champion.version}
    assert model.retention is not None
    assert model.retention.rung == "shifted beta geometric"
