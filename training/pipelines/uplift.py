"""Uplift: whom an offer moves, learned from the offers that were made and those that the holdout kept back, once there are enough.

A row is a customer's first such decision, its features are those of that moment, and the outcome is an upgrade within thirty days.
Before anything is learned the draw is checked; before anybody is told apart, whether customers differ at all. If not, the mean effect is
everybody's. Without an experiment the job says so in a sentence, and offers go on by what was taken so far.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.catalog import PROPENSITY, views_named
from features.decisions.store import DecisionStore
from features.duckdb_engine import DuckDBEngine
from features.scores.store import Score, ScoreStore
from features.sources import instant_of, microseconds
from features.view import Source
from models.metrics.interval import Interval
from models.uplift.choice import Champion
from models.uplift.combination import Combination
from models.uplift.contract import Experiment, experiment
from models.uplift.heterogeneity import Heterogeneity, examine
from models.uplift.learners import ROBUST
from models.uplift.model import UpliftModel
from models.uplift.randomised import Randomisation, check_randomisation
from training.context import JobReport
from training.gate import GateCheck, GateReport
from training.history import features_at
from training.pipelines.churn import spells_of
from training.release import release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.decisions.store import Assignment
    from training.context import JobContext
    from training.history import History

TASK = "uplift"
HORIZON_DAYS = 30
FEWEST_IN_ARM = 50
FEWEST_OUTCOMES = 20
_DAY_US = 86_400_000_000
_ENDED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What an experiment taught, and why."""

    model: UpliftModel | None
    randomisation: Randomisation
    heterogeneity: Heterogeneity | None

    @property
    def gate(self) -> GateReport:
        """The sentence for people: a draw that was not random teaches nothing."""
        checks = [GateCheck(name="draw", passed=self.randomisation.is_random, explanation=self.randomisation.said)]
        if self.heterogeneity is not None:
            checks.append(GateCheck(name="heterogeneity", passed=True, explanation=self.heterogeneity.said))
        verdict = "Promoted" if self.model is not None else "Not promoted"
        reason = f"{verdict}: {checks[-1].explanation}."
        return GateReport(promote=self.model is not None, reason=reason, checks=tuple(checks))


def run(context: JobContext) -> JobReport:
    """Learn from the decisions whose thirty days are over, and score every subscriber by the champion."""
    report = _refit(context) if context.refit else _as_before(context)
    champion = context.registry.champion(context.scope.tenant_id, TASK)
    if champion is not None:
        _score(context, UpliftModel.load(champion.folder), champion.version)
    return report


def _as_before(context: JobContext) -> JobReport:
    champion = context.registry.champion(context.scope.tenant_id, TASK)
    version = champion.version if champion else None
    reason = (
        "Not trained: nothing is new, so the champion scored again."
        if champion
        else "Not trained: there is no champion."
    )
    return JobReport(task=TASK, version=version, promoted=False, reason=reason)


def _refit(context: JobContext) -> JobReport:
    horizon_us = HORIZON_DAYS * _DAY_US
    until = instant_of(context.history.until_us - horizon_us)
    with context.database.view(context.scope) as unit:
        rows = DecisionStore(unit).assignments_before(until)
    erased = set(context.erased)
    rows = [row for row in rows if row.customer_id not in erased]
    upgraded = upgrades_of(context.history, rows)
    short = _too_few(rows, upgraded)
    if short:
        return JobReport(
            task=TASK,
            version=None,
            promoted=False,
            reason=f"Not trained: {short}; offers go on by what was taken so far.",
        )
    context.tell(f"features at {len(rows)} decisions")
    moments = [microseconds(row.decided_at) for row in rows]
    features = features_then(context.history, [row.customer_id for row in rows], moments)
    data = experiment(features, [row.treated for row in rows], upgraded)
    learned = learn(data, PROPENSITY, context.rng(TASK))
    metrics = {"effect on upgrades": _bounds(data.effect, data.effect_error)}
    if learned.model is None:
        return JobReport(task=TASK, version=None, promoted=False, reason=learned.gate.reason)
    return release(
        context,
        TASK,
        learned.model,
        learned.gate,
        rows=len(data),
        features=PROPENSITY,
        metrics=metrics,
        baselines={},
        rung=learned.model.rung,
        limits=("Learned from the customers who were due an offer; it says nothing of others.",),
        details={"treated": int(data.treated.sum()), "control": int((~data.treated).sum())},
    )


def learn(data: Experiment, columns: Sequence[str], rng: np.random.Generator) -> Learned:
    """Check the draw, test for heterogeneity, and fit; no model where the draw was not random."""
    randomisation = check_randomisation(data, rng)
    if not randomisation.is_random:
        return Learned(model=None, randomisation=randomisation, heterogeneity=None)
    found = examine((ROBUST,), data, rng)
    settled = Champion().settle(data, rng)
    fitted = settled.fit(data, rng)
    if not isinstance(fitted, Combination):
        fitted = Combination((), data.effect)
    model = UpliftModel(
        columns=tuple(columns),
        fitted=fitted,
        is_usable=found.is_usable,
        effect=data.effect,
        rung=settled.name if found.is_usable else "mean effect",
    )
    return Learned(model=model, randomisation=randomisation, heterogeneity=found)


def upgrades_of(history: History, rows: Sequence[Assignment]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shape (rows,): 1 where the customer held a higher plan than at the decision at some moment of the thirty days after it."""
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), history.column(Source.SUBSCRIPTIONS, "at_us")))
    kinds = history.column(Source.SUBSCRIPTIONS, "kind")[order]
    ranks = np.where(kinds == "ended", _ENDED, history.column(Source.SUBSCRIPTIONS, "plan_rank")[order])
    steps: dict[str, list[tuple[int, int]]] = {}
    columns = (
        history.column(Source.SUBSCRIPTIONS, "customer")[order],
        history.column(Source.SUBSCRIPTIONS, "at_us")[order],
        ranks,
    )
    for customer, at_us, rank in zip(*(column.tolist() for column in columns), strict=True):
        steps.setdefault(customer, []).append((at_us, rank))
    found = np.zeros(len(rows))
    for place, row in enumerate(rows):
        mine, at = steps.get(row.customer_id, []), microseconds(row.decided_at)
        now = bisect_right(mine, (at, 1 << 30))
        held = mine[now - 1][1] if now else _ENDED
        end = at + HORIZON_DAYS * _DAY_US
        found[place] = float(any(moment < end and rank > max(held, 0) for moment, rank in mine[now:]))
    return found


def _too_few(rows: Sequence[Assignment], upgraded: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    treated = sum(row.treated for row in rows)
    control = len(rows) - treated
    if not rows:
        return "no offer has been decided long enough ago to see what came of it"
    if min(treated, control) < FEWEST_IN_ARM:
        return f"{treated} offers were made and {control} kept back by the holdout, and at least {FEWEST_IN_ARM} of each are needed"
    if upgraded.sum() < FEWEST_OUTCOMES:
        return f"{int(upgraded.sum())} upgrades followed, and at least {FEWEST_OUTCOMES} are needed"
    return ""


def features_then(
    history: History, customers: Sequence[str], at_us: Sequence[int]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Shape (rows, features): what was known of each customer at a moment of their own."""
    asof = pa.table(
        {"customer": pa.array(list(customers), pa.string()), "as_of_us": pa.array(list(at_us), pa.int64())},
    )
    found = DuckDBEngine().compute(views_named(PROPENSITY), history.tables, asof)
    columns = [found.column(name).to_numpy().astype(np.float64) for name in PROPENSITY]
    return np.asarray(np.nan_to_num(np.column_stack(columns)))


def _bounds(mean: float, error: float) -> Interval:
    return Interval(mean=mean, low=mean - 1.96 * error, high=mean + 1.96 * error)


def _score(context: JobContext, model: UpliftModel, version: str) -> None:
    history = context.history
    spells = spells_of(history)
    customers = np.unique(spells.customers[spells.ended_us >= history.until_us])
    customers = customers[~np.isin(customers, np.asarray(sorted(context.left_out()), dtype=np.str_))]
    if customers.size == 0:
        return
    context.tell(f"scoring {customers.size} customers")
    found = model.uplift(features_at(history, model.columns, customers, history.until_us))
    scores = [
        Score(
            customer_id=str(customer),
            version=version,
            as_of=instant_of(history.until_us),
            value=uplift,
            document={
                "rung": model.rung,
                "horizon_days": HORIZON_DAYS,
                "uplift": round(uplift, 6),
                "treat": uplift > 0,
            },
        )
        for customer, uplift in zip(customers.tolist(), found.tolist(), strict=True)
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(TASK, scores)
