"""Where subscribers move to, on a shop whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from features.scores.store import ScoreStore
from features.view import Source
from models.registry.memory import MemoryRegistry
from training.history import History
from training.pipelines import upgrades

if TYPE_CHECKING:
    from tests.training.stocked import Stocked
    from training.context import JobContext


@pytest.fixture(scope="module")
def context(stocked: Stocked, history: History) -> JobContext:
    """A run with an empty registry of its own."""
    return stocked.run(history)


def test_every_plan_above_has_a_chance(context: JobContext) -> None:
    """Targets are ordered, named by their plans, above the present one, and the score is the likeliest one's."""
    report = upgrades.run(context)
    with context.database.view(context.scope) as unit:
        scores = ScoreStore(unit).of_task(upgrades.TASK)

    assert report.promoted, report.reason
    assert "Promoted: " in report.reason
    assert len(scores) > 300
    for score in scores.values():
        chances = [one["probability"] for one in score.document["targets"]]
        assert chances == sorted(chances, reverse=True)
        assert score.document["targets"][0]["plan"] == score.document["plan"] != "starter"
        assert score.value == pytest.approx(chances[0], abs=1e-4)
        assert score.document["rung"]


def test_one_step_needs_no_choice(context: JobContext, history: History) -> None:
    """With two plans the propensity says all there is."""
    table = history.tables[Source.SUBSCRIPTIONS]
    few = table.filter(np.asarray(table.column("plan_rank").to_numpy() < 2))
    bare = replace(
        context,
        registry=MemoryRegistry(),
        history=History({**history.tables, Source.SUBSCRIPTIONS: few}, history.until_us),
    )

    assert "one step up at most" in upgrades.run(bare).reason
