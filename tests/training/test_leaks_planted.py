"""The six classic leaks, planted one by one in the real pipeline: each is refused with a sentence that names it, and an honest run is not.

1. rows resampled before the split, 2. a label from the same window as its features, 3. overlapping snapshots in a random split,
4. a column that is filled in after the outcome, 5. rows of the future, or known only later, 6. class weights, and one answer for everybody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from features.view import Source
from models.churn.model import ChurnModel
from models.tabular.boosted import Boosted, BoostedSettings, fit_boosted
from models.tabular.calibrate import UNCALIBRATED
from models.tabular.labels import DAY_US, Labels
from models.tabular.ladder import LadderReport
from models.tabular.model import TabularModel
from models.tabular.table import FeatureTable
from training import history as histories
from training.history import History, features_at
from training.pipelines import churn, rows, tabular
from training.pipelines.tabular import run_question
from training.split import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.tabular.table import Examples
    from tests.training.stocked import Stocked
    from training.context import JobContext
    from training.pipelines.question import Question
    from training.split import Moments

FEW = ("orders_30d", "days_since_last_order", "usage_30d_micro", "tenure_days")


@pytest.fixture
def context(stocked: Stocked, history: History) -> JobContext:
    """A run with an empty registry of its own."""
    return stocked.run(history)


@pytest.fixture
def question(history: History) -> Question:
    """The honest question of churn by contract, with few features."""
    found = churn._contract(history)
    assert found is not None
    return replace(found, task="planted", features=FEW)


def checks_of(context: JobContext, question: Question) -> dict[str, tuple[bool, str]]:
    """What every check of the first version's card says."""
    card = context.registry.versions(context.scope.tenant_id, question.task)[0].card
    return {check["name"]: (check["passed"], check["explanation"]) for check in (card.gate or {})["checks"]}


def refused(context: JobContext, question: Question, check: str) -> str:
    """The sentence of the check that must fail in a run that must not promote."""
    report = run_question(context, question)
    passed, said = checks_of(context, question)[check]

    assert not report.promoted, report.reason
    assert context.registry.champion(context.scope.tenant_id, question.task) is None
    assert not passed
    return said


def test_an_honest_run_passes_every_check(context: JobContext, question: Question) -> None:
    """So that the refusals are about what was planted."""
    report = run_question(context, question)
    leaks = {name: passed for name, (passed, _) in checks_of(context, question).items() if name.startswith("leak")}

    assert report.promoted, report.reason
    assert all(leaks.values())
    assert {f"leak: {name}" for name in ("future_shift", "single_features", "rows_once", "rows_known")} <= set(leaks)


def test_1_rows_resampled_before_the_split(context: JobContext, question: Question) -> None:
    """Whoever left is copied until both outcomes are equally many: copies lie on both sides of every split."""

    def labels_at(moment: int) -> Labels:
        honest = question.labels_at(moment)
        left = np.flatnonzero(honest.label)
        copies = np.random.default_rng(0).choice(left, honest.label.size - 2 * left.size)
        drawn = np.concatenate([np.arange(honest.label.size), copies])
        return replace(honest, customers=honest.customers[drawn], label=honest.label[drawn])

    said = refused(context, replace(question, labels_at=labels_at), "leak: rows_once")

    assert "copies of a customer at the same moment" in said


def test_2_a_label_from_the_same_window(context: JobContext, question: Question, history: History) -> None:
    """The commonest public notebook: churn is a long silence before the moment, and so is the feature."""
    customers, at_us = (history.column(Source.PURCHASES, name) for name in ("customer", "at_us"))

    def labels_at(moment: int) -> Labels:
        honest = question.labels_at(moment)
        recent = customers[(at_us < moment) & (at_us >= moment - 30 * DAY_US)]
        return replace(honest, label=~np.isin(honest.customers, recent))

    said = refused(context, replace(question, labels_at=labels_at), "leak: single_features")

    assert "days_since_last_order" in said
    assert "probably knows the future" in said


def test_3_overlapping_snapshots_in_a_random_split(
    context: JobContext, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All moments in one pot: learning windows reach past the moment that judges."""

    def at_random(
        as_of_us: NDArray[np.int64], _customers: Any, *, moments: Moments, rng: np.random.Generator, gap_days: int
    ) -> Split:
        del moments, gap_days
        order = rng.permutation(as_of_us.size)
        first, second = int(0.6 * order.size), int(0.8 * order.size)
        return Split(
            train=order[:first], calibrate=order[first:second], validate=order[second:], purged=0, how="at random"
        )

    monkeypatch.setattr(tabular, "split_by_time", at_random)
    said = refused(context, question, "leak: windows_apart")

    assert "learning rows have label windows that reach past the first judged moment" in said


def test_4_a_column_that_is_filled_in_after_the_outcome(
    context: JobContext, question: Question, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan's price as it stands today, nothing for who has left since: it tells the outcome and changes once later rows are deleted."""

    def today(at: History, names: Sequence[str], customers: NDArray[Any], as_of_us: int) -> FeatureTable:
        honest = features_at(at, names, customers, as_of_us)
        now = features_at(at, ["mrr_minor"], customers, max(as_of_us, at.until_us - 10 * DAY_US))
        place = honest.columns.index("tenure_days")
        columns = [*honest.values.T[:place], now.values[:, 0], *honest.values.T[place + 1 :]]
        return FeatureTable(honest.columns, np.column_stack(columns))

    monkeypatch.setattr(tabular, "features_at", today)
    monkeypatch.setattr(rows, "features_at", today)
    said = refused(context, question, "leak: future_shift")

    assert "tenure_days changes when later rows are deleted, so it sees the future" in said


def test_5_rows_that_were_known_only_later(
    context: JobContext, question: Question, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the usage arrives two months late; a feature that looks only at when it happened counts it all the same."""
    usage = history.tables[Source.USAGE]
    received = usage.column("received_us").to_numpy() + np.where(np.arange(usage.num_rows) % 2, 60 * DAY_US, 0)
    place = usage.column_names.index("received_us")
    late = History(
        {**history.tables, Source.USAGE: usage.set_column(place, "received_us", pa.array(received))}, history.until_us
    )

    def careless(at: History, names: Sequence[str], customers: NDArray[Any], as_of_us: int) -> FeatureTable:
        tables = {
            source: table.set_column(table.column_names.index("received_us"), "received_us", table.column("at_us"))
            for source, table in at.tables.items()
        }
        return features_at(History(tables, at.until_us), names, customers, as_of_us)

    run = replace(context, history=late)
    careful = replace(question, task="careful")
    assert checks_of_run(run, careful)["leak: future_shift"][0]
    monkeypatch.setattr(tabular, "features_at", careless)
    monkeypatch.setattr(rows, "features_at", careless)
    said = refused(run, question, "leak: future_shift")

    assert "usage_30d_micro changes when later rows are deleted" in said


def checks_of_run(context: JobContext, question: Question) -> dict[str, tuple[bool, str]]:
    """The checks of a run, whatever came of it."""
    run_question(context, question)
    return checks_of(context, question)


def fitted(model: TabularModel) -> tuple[ChurnModel, LadderReport]:
    """A model that nobody calibrated, reported as if the ladder had chosen it."""
    return ChurnModel(model), LadderReport(chosen=model.rung_name, number=3, why="planted", results=(), floor=model)


def test_6_class_weights(context: JobContext, question: Question) -> None:
    """Weights that even out the outcomes do not help the order, and make every promise a lie."""

    def weighted(train: Examples, *_parts: Examples, **_options: Any) -> tuple[ChurnModel, LadderReport]:
        parameters = {**BoostedSettings().parameters(len(train), 0), "is_unbalance": True}
        data = lightgbm.Dataset(train.table.values, label=train.label.astype(np.float64))
        text = lightgbm.train(parameters, data, num_boost_round=60).model_to_string()
        rung = Boosted.from_parts({}, {"texts": [text]})
        return fitted(TabularModel(columns=train.table.columns, rung=rung, calibrator=UNCALIBRATED))

    said = refused(context, replace(question, fit=weighted), "leak: base_kept")

    assert "weighted or resampled" in said


def test_6_the_same_answer_for_everybody(context: JobContext, question: Question) -> None:
    """Leaves that need more rows than a small shop has: nothing is split, nothing is learned."""

    def stiff(train: Examples, *_parts: Examples, **_options: Any) -> tuple[ChurnModel, LadderReport]:
        few = train.take(np.arange(min(len(train), 8)))
        rung = fit_boosted(few, settings=BoostedSettings(trees=5))
        return fitted(TabularModel(columns=train.table.columns, rung=rung, calibrator=UNCALIBRATED))

    said = refused(context, replace(question, fit=stiff), "leak: not_constant")

    assert said.startswith("every customer gets the same score")


def test_what_is_deleted_for_the_comparison_is_what_was_not_known(history: History) -> None:
    """Rows that had happened but not arrived go too."""
    moment = history.until_us - 30 * DAY_US
    known = history.before(moment)

    assert isinstance(known, histories.History)
    for table in known.tables.values():
        assert not table.num_rows or table.column("at_us").to_numpy().max() < moment
        assert not table.num_rows or table.column("received_us").to_numpy().max() <= moment
