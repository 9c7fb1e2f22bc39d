"""Leaving by choice and failed payments are two questions; the card of silence tells the season."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from features.privacy.profiling import set_profiling
from features.scores.store import ScoreStore
from features.view import Source
from models.registry.memory import MemoryRegistry
from models.tabular.labels import DAY_US, NEVER_US, Labels, Window
from training.context import JobContext
from training.history import History
from training.pipelines import churn, payment_failure

if TYPE_CHECKING:
    from tests.training.stocked import Stocked


@pytest.fixture(scope="module")
def unpaid(history: History) -> History:
    """The shop's history in which every second end was by a failed payment."""
    table = history.tables[Source.SUBSCRIPTIONS]
    ended = np.asarray(table.column("kind").to_pylist()) == "ended"
    failed = ended & (np.cumsum(ended) % 2 == 0)
    reasons = pa.array(np.where(failed, churn.PAYMENT, np.where(ended, "voluntary", "")).tolist(), pa.string())
    marked = table.set_column(table.column_names.index("reason"), "reason", reasons)
    return History({**history.tables, Source.SUBSCRIPTIONS: marked}, history.until_us)


@pytest.fixture
def context(stocked: Stocked, unpaid: History) -> JobContext:
    """A run with an empty registry of its own."""
    return JobContext(
        database=stocked.database,
        scope=stocked.scope,
        registry=MemoryRegistry(),
        history=unpaid,
        now=stocked.now,
        seed=0,
        tell=lambda _words: None,
    )


def test_an_end_knows_why(unpaid: History, history: History) -> None:
    """Half of the ends are unpaid; where no reason was recorded, all count as choice."""
    spells = churn.spells_of(unpaid)
    ended = spells.ended_us < NEVER_US

    assert spells.involuntary.sum() == pytest.approx(ended.sum() / 2, abs=2)
    assert not (spells.involuntary & ~ended).any()
    assert not churn.spells_of(history).involuntary.any()


def test_who_could_not_pay_did_not_choose_to_leave(unpaid: History, history: History) -> None:
    """The churn question leaves them out, with the others as they were."""
    moment = history.until_us - 60 * DAY_US
    marked, plain = churn._contract(unpaid), churn._contract(history)
    assert marked is not None
    assert plain is not None

    chosen, every = marked.labels_at(moment), plain.labels_at(moment)

    assert 0 < chosen.label.sum() < every.label.sum()
    assert set(chosen.customers.tolist()) < set(every.customers.tolist())
    assert "by choice" in marked.limits[0]


def test_payment_failure_is_learned_and_scored_on_its_own(context: JobContext) -> None:
    """Its own champion, its own scores for who still subscribes, at the level of unpaid ends only."""
    report = payment_failure.run(context)
    with context.database.view(context.scope) as unit:
        scores = ScoreStore(unit).of_task(payment_failure.TASK)
    champion = context.registry.champion(context.scope.tenant_id, payment_failure.TASK)

    assert "Promoted: " in report.reason
    assert champion is not None
    assert champion.card.details["unpaid_ends"] > 50
    assert len(scores) > 300
    assert 0.002 < float(np.mean([score.value for score in scores.values()])) < 0.08


def test_who_opted_out_is_not_scored(context: JobContext) -> None:
    """Neither asked of the model nor written; the others are as they were."""
    payment_failure.run(context)
    with context.database.unit(context.scope) as unit:
        before = ScoreStore(unit).of_task(payment_failure.TASK)
        who = min(before)
        set_profiling(unit, who, allowed=False, now=context.now)
    assert context.left_out() == {who}

    payment_failure.run(replace(context, refit=False))

    with context.database.unit(context.scope) as unit:
        assert set(ScoreStore(unit).of_task(payment_failure.TASK)) == before.keys() - {who}
        set_profiling(unit, who, allowed=True, now=context.now)


def test_without_one_failed_payment_a_usual_rate_answers_and_says_so(context: JobContext, history: History) -> None:
    """Rung 0, below the usual rate, since many months were seen without one."""
    report = payment_failure.run(replace(context, history=history))
    champion = context.registry.champion(context.scope.tenant_id, payment_failure.TASK)
    with context.database.view(context.scope) as unit:
        score = next(iter(ScoreStore(unit).of_task(payment_failure.TASK).values()))

    assert "nothing can be learned yet" in report.reason
    assert champion is not None
    assert champion.card.details == {"first_day": True}
    assert "what usually happens" in champion.card.limits[-1]
    assert 0 < score.value < 0.01
    assert score.document["rung"] == "base rate (rung 0)"


def test_the_card_tells_the_season_where_a_year_can_be_seen() -> None:
    """A year ago to the week beside the last moment that can be judged; a short history says only that it is one."""
    rates = {36 * DAY_US: 0.5, 310 * DAY_US: 0.25}

    def labels_at(moment: int) -> Labels:
        label = np.arange(100) < rates[moment] * 100
        return Labels(customers=np.arange(100), label=label, window=Window.after(moment, horizon_days=90))

    said, found = churn._season(labels_at, 0, 400 * DAY_US, 90)
    short, none = churn._season(labels_at, 0, 300 * DAY_US, 90)

    assert "50% fell silent" in said
    assert found == {"silent_a_year_ago": 0.5, "silent_lately": 0.25}
    assert none == {}
    assert "a season that it has not seen" in short
