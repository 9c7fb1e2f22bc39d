"""How long subscribers stay, learned from a shop whose hazards are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from features.scores.store import ScoreStore
from features.view import Source
from models.churn.hazard import HazardModel
from models.registry.memory import MemoryRegistry
from training.context import JobContext
from training.pipelines import lifetime

if TYPE_CHECKING:
    from tests.training.stocked import Stocked
    from training.history import History

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def context(stocked: Stocked, history: History) -> JobContext:
    """A run with an empty registry of its own, after which forecasts stand in the database."""
    found = stocked.run(history)
    report = lifetime.run(found)
    assert report.promoted, report.reason
    return found


def test_forecasts_are_whole_and_agree_with_themselves(context: JobContext) -> None:
    """Chances grow with the months, the quarter leaves before the half, and the score is the chance within 90 days."""
    with context.database.view(context.scope) as unit:
        scores = ScoreStore(unit).of_task(lifetime.TASK)

    assert len(scores) > 300
    for score in scores.values():
        within = score.document["leaving_within_days"]
        days = score.document["expected_days"]
        interval = score.document["expected_days_interval"]
        assert list(within.values()) == sorted(within.values())
        assert score.value == pytest.approx(within["90"], abs=1e-4)
        assert (days is not None) == (within["360"] >= 0.5)
        assert days is None or interval["low"] <= days
        assert interval["high"] is None or days is None or days <= interval["high"]
        assert score.document["rung"]


def test_the_level_is_that_of_the_months_that_nobody_has_seen(context: JobContext, stocked: Stocked) -> None:
    """The truth goes on after the last row of data: as many leave within 90 days as was promised."""
    with context.database.view(context.scope) as unit:
        scores = ScoreStore(unit).of_task(lifetime.TASK)
    place = {customer: number for number, customer in enumerate(stocked.ids)}
    leaves_us = stocked.shop.truth.leaves_us[[place[customer] for customer in scores]]
    values = np.array([score.value for score in scores.values()])

    assert abs(values.mean() - (leaves_us < stocked.shop.spec.end_us + 90 * DAY_US).mean()) < 0.06


def test_the_card_says_what_it_beats(context: JobContext) -> None:
    """The life table is among the rules; every leak check passed; the model loads with its own columns left out."""
    champion = context.registry.champion(context.scope.tenant_id, lifetime.TASK)
    assert champion is not None
    checks = (champion.card.gate or {})["checks"]
    model = HazardModel.load(champion.folder)

    assert all(check["passed"] for check in checks)
    assert champion.card.details["landmarks"] >= 4
    assert "tenure_days" in model.known_columns
    assert "periods_ahead" not in model.known_columns


def test_a_shop_without_subscriptions_is_told_so(context: JobContext, history: History) -> None:
    """Nothing is published, and the sentence says why."""
    tables = dict(history.tables)
    tables[Source.SUBSCRIPTIONS] = tables[Source.SUBSCRIPTIONS].slice(0, 0)
    bare = JobContext(
        database=context.database,
        scope=context.scope,
        registry=MemoryRegistry(),
        history=type(history)(tables, history.until_us),
        now=context.now,
        seed=0,
        tell=lambda _words: None,
    )

    report = lifetime.run(bare)

    assert report.version is None
    assert "no subscriptions" in report.reason
