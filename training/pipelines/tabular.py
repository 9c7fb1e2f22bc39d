"""The shape that churn and propensity share: rows at several moments, the ladder, the leak checks, the gate, and scores for everybody.

The last moment's customers are halved: one half chooses the rung, the other judges it, so the figures on the card come from rows that
decided nothing. Rows are a snapshot that is written once; it and the fitted models are what a run that was cut short goes on from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from models.metrics.classification import log_loss_lead
from models.tabular.ladder import LadderConfig
from training.card_parts import calibration_curve, figures
from training.context import NOTHING_NEW, JobReport
from training.gate import Gate, classification_evidence
from training.history import features_at
from training.leakage import (
    check_base_kept,
    check_future_shift,
    check_not_constant,
    check_rows_known,
    check_rows_once,
    check_single_features,
    check_window_observed,
    check_windows_apart,
)
from training.pipelines.as_served import ask_as_served
from training.pipelines.first_day import answer_first_day
from training.pipelines.fitted import Fitted, find_fitted, keep_fitted
from training.pipelines.rows import MOST_CUSTOMERS, key_of, rows_at
from training.pipelines.scoring import score_everybody
from training.pipelines.shadow import stand_in_shadow, standing, tend_shadow
from training.pipelines.slices import plans_at
from training.release import JudgedOn, release
from training.split import plan_moments, split_by_time
from training.watch.reference import reference_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.explained import ExplainedModel
    from models.tabular.table import Examples, FeatureTable
    from training.context import JobContext
    from training.dataset import Snapshot
    from training.leakage import LeakFinding
    from training.pipelines.question import Question
    from training.split import Moments

_SHIFT_SAMPLE = 300
_FEWEST_ROWS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A fit with everything that was found out about it."""

    fitted: Fitted
    rows: Examples
    moment_us: int
    leaks: tuple[LeakFinding, ...]
    snapshot: Snapshot
    how: str


def run_question(context: JobContext, question: Question) -> JobReport:
    """Fit, judge, publish, promote or not, and score with whichever model serves afterwards."""
    decided = tend_shadow(context, question.task, question.scored, question.load)
    found = _learned(context, question)
    score_everybody(context, question)
    return replace(found, reason=f"{decided} {found.reason}") if decided else found


def _learned(context: JobContext, question: Question) -> JobReport:
    if not context.refit:
        return JobReport(task=question.task, version=None, promoted=False, reason=NOTHING_NEW)
    waiting = standing(context, question.task)
    if waiting is not None and not context.force:
        return _untrained(
            question, f"{waiting.version} still stands in the shadow, until {waiting.until:%Y-%m-%d %H:%M} UTC."
        )
    observed = context.history.until_us - question.allowance_days * 86_400_000_000
    moments = plan_moments(question.first_us, observed, horizon_days=question.horizon_days)
    if moments is None:
        return _first_day(
            context, question, f"the history is too short to see what happens within {question.horizon_days} days."
        )
    key = key_of(context, question)
    snapshot = context.snapshots(question.task).get(
        key, lambda: rows_at(context, question, moments, key), erased=context.erased
    )
    context.note("snapshot_hash", snapshot.manifest.sha256)
    rows = snapshot.examples
    if len(rows) < _FEWEST_ROWS or not 0 < rows.positives < len(rows):
        return _first_day(context, question, f"{len(rows)} rows with {rows.positives} cases are too few.")
    judged = _judged(context, question, moments, snapshot)
    found = _released(context, question, judged)
    if not found.promoted and _champion(context, question) is None and all(leak.passed for leak in judged.leaks):
        found = _rule_meanwhile(context, question, judged, found)
    return found


def _first_day(context: JobContext, question: Question, why: str) -> JobReport:
    return answer_first_day(context, question.task, question.first_day(), why, limits=question.limits)


def _untrained(question: Question, why: str) -> JobReport:
    return JobReport(task=question.task, version=None, promoted=False, reason=f"Not trained: {why}")


def _judged(context: JobContext, question: Question, moments: Moments, snapshot: Snapshot) -> _Judged:
    """The fit, from its stage where one was kept, and the rows that judge it."""
    rng = context.rng(question.task)
    rows = snapshot.examples
    split = split_by_time(snapshot.as_of_us, rows.customers, moments=moments, rng=rng, gap_days=0)
    choosing, judging = _halves(split.validate, rng)
    stage = f"fitted-{snapshot.manifest.content_hash[:16]}-{context.seed}"
    fitted = find_fitted(context.stages, stage, question.load)
    if fitted is None:
        context.tell("climbing the ladder")
        elsewhere = {} if context.grow is None else {"config": LadderConfig(grow=context.grow)}
        parts = (rows.take(split.train), rows.take(split.calibrate), rows.take(choosing))
        fitted = Fitted(*question.fit(*parts, rng=rng, **elsewhere))
        keep_fitted(context.stages, stage, fitted, question.load)
    context.tell("judging")
    judged = rows.take(judging)
    leaks = _leaks(context, question, moments, snapshot, split.train, fitted.model, judged)
    return _Judged(
        fitted=fitted, rows=judged, moment_us=moments.validate_us, leaks=leaks, snapshot=snapshot, how=split.how
    )


def _rule_meanwhile(context: JobContext, question: Question, judged: _Judged, found: JobReport) -> JobReport:
    """A tenant without a champion is not left blank: the best rule serves until something surely beats it."""
    report = judged.fitted.report
    rule = type(judged.fitted.model)(report.floor)
    floor = replace(
        report, chosen=report.floor.rung_name, number=0, why="the best rule serves until something surely beats it"
    )
    answered = _released(context, question, replace(judged, fitted=Fitted(rule, floor), leaks=()))
    return replace(answered, reason=f"{found.reason} {answered.reason}")


def _halves(rows: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows of one moment, each customer once, drawn into two halves."""
    drawn = rng.random(rows.size) < 0.5
    return rows[drawn], rows[~drawn]


def _leaks(  # noqa: PLR0917 (each check looks at another part)
    context: JobContext,
    question: Question,
    moments: Moments,
    snapshot: Snapshot,
    train: NDArray[Any],
    model: ExplainedModel,
    judged: Examples,
) -> tuple[LeakFinding, ...]:
    moment, horizon = moments.validate_us, question.horizon_days
    rows, labels = snapshot.examples, question.labels_at(moment)
    sample = judged.customers[:_SHIFT_SAMPLE]

    def features_of(cut: int | None) -> FeatureTable:
        history = context.history if cut is None else context.history.before(cut)
        return features_at(history, question.features, sample, moment)

    findings = [
        check_future_shift(features_of, as_of_us=moment),
        check_single_features(judged),
        check_window_observed(labels.window, context.history.until_us, allowance_days=question.allowance_days),
        check_rows_once(rows.customers, snapshot.as_of_us),
        check_rows_known(judged.customers, labels.customers),
    ]
    if moments.train_us:
        judged_at = np.full(1, moment, dtype=np.int64)
        findings.append(check_windows_apart(snapshot.as_of_us[train], judged_at, horizon_us=horizon * 86_400_000_000))
    if model.model.rung.number > 0:
        findings.append(check_not_constant(model.probability(judged.table)))
    if model.model.rung.number > 1:
        learned = rows.take(train)
        findings.append(check_base_kept(learned.label, model.model.uncalibrated(learned.table)))
    return tuple(findings)


def _released(context: JobContext, question: Question, judged: _Judged) -> JobReport:
    model, report, rows = judged.fitted.model, judged.fitted.report, judged.rows
    rng = context.rng(f"{question.task}:judge")
    ours, floor = model.probability(rows.table), report.floor.probability(rows.table)
    champion = _champion(context, question)
    evidence = classification_evidence(
        rows.label,
        ours,
        customers=rows.customers,
        rng=rng,
        baselines={f"best rule ({report.floor.rung_name})": floor},
        champion=champion.probability(rows.table) if champion else None,
        leaks=judged.leaks,
        segments=plans_at(context.history, rows.customers, judged.moment_us),
        served=ask_as_served(model, question.load, context.history, rows, judged.moment_us),
        is_floor=report.is_floor,
    )
    lead = log_loss_lead(rows.label, ours, floor, customers=rows.customers, rng=rng)
    manifest = judged.snapshot.manifest
    return release(
        context,
        question.task,
        model,
        Gate().decide(evidence),
        rows=len(judged.snapshot.examples),
        features=question.features,
        metrics={**figures(rows.label, ours, rows.customers, rng), "log loss gain over the rule": lead},
        baselines=figures(rows.label, floor, rows.customers, rng),
        rung=model.model.rung_name,
        limits=(*question.limits, *_sampled(manifest.moments)),
        details={**question.details, "split": judged.how, "why_this_rung": report.why, "judged_rows": len(rows)},
        judged=JudgedOn(
            snapshot={"sha256": manifest.sha256, **manifest.to_document()},
            calibration=calibration_curve(rows.label, ours),
            reference=reference_of(rows, ours),
        ),
        shadow=partial(stand_in_shadow, context, question.task),
    )


def _sampled(moments: Any) -> tuple[str, ...]:
    """What the card must say where not everybody was learned from."""
    if all(one["rows"] < MOST_CUSTOMERS for one in moments.values()):
        return ()
    return (f"Learned from a random sample of {MOST_CUSTOMERS:,} customers at each moment, scored for everybody.",)


def _champion(context: JobContext, question: Question) -> ExplainedModel | None:
    champion = context.registry.champion(context.scope.tenant_id, question.task)
    if champion is None:
        return None
    model = question.load(champion.folder)
    return model if set(model.columns) <= set(question.features) else None
