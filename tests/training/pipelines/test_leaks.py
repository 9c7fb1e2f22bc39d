"""Planted leaks: a question that knows its answer, or a feature that knows the future, never becomes a champion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from features.scores.store import ScoreStore
from features.view import Source
from models.tabular.labels import DAY_US, Labels, Window
from models.tabular.table import FeatureTable
from training.history import features_at
from training.pipelines import churn, tabular
from training.pipelines.tabular import run_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.training.stocked import Stocked
    from training.context import JobContext
    from training.history import History
    from training.pipelines.question import Question

TASK = "leaky"


@pytest.fixture
def context(stocked: Stocked, history: History) -> JobContext:
    """A run with an empty registry of its own."""
    return stocked.run(history)


@pytest.fixture
def question(history: History) -> Question:
    """The honest question of churn by contract, with few features and under a name of its own."""
    found = churn._contract(history)
    assert found is not None
    few = ("orders_30d", "days_since_last_order", "usage_30d_micro", "tenure_days")
    return replace(found, task=TASK, features=few)


def _refused(context: JobContext, question: Question) -> tuple[str, set[str]]:
    """The reason of a run that must not promote, and the leak checks that failed."""
    report = run_question(context, question)
    versions = context.registry.versions(context.scope.tenant_id, question.task)

    assert not report.promoted
    assert context.registry.champion(context.scope.tenant_id, question.task) is None
    with context.database.view(context.scope) as unit:
        assert ScoreStore(unit).of_task(question.task) == {}
    checks = (versions[-1].card.gate or {})["checks"]
    return report.reason, {
        check["name"] for check in checks if not check["passed"] and check["name"].startswith("leak")
    }


def test_the_honest_question_passes_every_leak_check(context: JobContext, question: Question) -> None:
    """So that the refusals below are about what was planted."""
    run_question(context, replace(question, task="honest"))
    card = context.registry.versions(context.scope.tenant_id, "honest")[0].card
    leaks = [check for check in (card.gate or {})["checks"] if check["name"].startswith("leak")]

    assert len(leaks) >= 4
    assert all(check["passed"] for check in leaks)
    assert context.registry.champion(context.scope.tenant_id, "honest") is not None


def test_a_label_that_looks_back_is_refused(context: JobContext, question: Question, history: History) -> None:
    """Asked who ordered in the month *before* the moment, orders_30d knows the answer: no model, no score, a sentence that says so."""
    customers = history.column(Source.PURCHASES, "customer")
    at_us = history.column(Source.PURCHASES, "at_us")

    def labels_at(moment: int) -> Labels:
        honest = question.labels_at(moment)
        recent = customers[(at_us < moment) & (at_us >= moment - 30 * DAY_US)]
        return replace(honest, label=np.isin(honest.customers, recent))

    reason, failed = _refused(context, replace(question, labels_at=labels_at))

    assert "leak: single_features" in failed
    assert "orders_30d" in reason
    assert "probably knows the future" in reason


def test_a_feature_that_sees_the_future_is_refused(
    context: JobContext, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature store that answers a month late: what it says changes once the later rows are deleted."""

    def late(history: History, names: Sequence[str], customers: NDArray[Any], as_of_us: int) -> FeatureTable:
        honest = features_at(history, names, customers, as_of_us)
        seen = features_at(history, ["usage_30d_micro"], customers, as_of_us + 30 * DAY_US)
        place = honest.columns.index("usage_30d_micro")
        return FeatureTable(
            honest.columns, np.column_stack([*honest.values.T[:place], seen.values, *honest.values.T[place + 1 :]])
        )

    monkeypatch.setattr(tabular, "features_at", late)
    reason, failed = _refused(context, question)

    assert "leak: future_shift" in failed
    assert "usage_30d_micro changes when later rows are deleted" in reason


def test_a_window_that_is_not_over_is_refused(context: JobContext, question: Question) -> None:
    """Whoever has not left yet is not somebody who stays: labels that reach past the last row prove nothing."""

    def labels_at(moment: int) -> Labels:
        return replace(question.labels_at(moment), window=Window.after(moment, horizon_days=60))

    reason, failed = _refused(context, replace(question, labels_at=labels_at))

    assert "leak: window_observed" in failed
    assert "days of the label window are not observed yet" in reason
