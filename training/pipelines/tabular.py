"""The shape that churn and propensity share: rows at several moments, the ladder, the leak checks, the gate, and scores for everybody.

The last moment's customers are halved: one half chooses the rung, the other judges it, so the figures on the card come from rows that
decided nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from features.scores.store import Score, ScoreStore
from features.sources import instant_of
from models.metrics.classification import auc, brier, ece10, log_loss, log_loss_lead
from models.metrics.interval import Interval
from models.tabular.table import Examples, FeatureTable
from training.context import JobReport
from training.gate import Gate, classification_evidence
from training.history import features_at
from training.leakage import (
    check_future_shift,
    check_not_constant,
    check_single_features,
    check_window_observed,
    check_windows_apart,
)
from training.release import release
from training.split import plan_moments, split_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.tabular.explained import ExplainedModel
    from models.tabular.labels import Labels
    from models.tabular.ladder import LadderReport
    from training.context import JobContext
    from training.leakage import LeakFinding
    from training.split import Moments

_SHIFT_SAMPLE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a tabular job asks. `labels_at` labels the customers of a moment; `scored` are those to score now."""

    task: str
    features: tuple[str, ...]
    horizon_days: int
    allowance_days: int
    labels_at: Callable[[int], Labels]
    scored: NDArray[Any]
    first_us: int
    fit: Callable[..., tuple[ExplainedModel, LadderReport]]
    load: Callable[[Any], ExplainedModel]
    limits: tuple[str, ...]
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Rows:
    examples: Examples
    as_of_us: NDArray[np.int64]


def run_question(context: JobContext, question: Question) -> JobReport:
    """Fit, judge, publish, promote or not, and score with whichever model serves afterwards."""
    observed = context.history.until_us - question.allowance_days * 86_400_000_000
    moments = plan_moments(question.first_us, observed, horizon_days=question.horizon_days)
    if moments is None:
        reason = f"Not trained: the history is too short to see what happens within {question.horizon_days} days."
        return JobReport(task=question.task, version=None, promoted=False, reason=reason)
    rows = _rows(context, question, moments)
    if len(rows.examples) < 30 or not 0 < rows.examples.positives < len(rows.examples):
        reason = f"Not trained: {len(rows.examples)} rows with {rows.examples.positives} cases are too few."
        return JobReport(task=question.task, version=None, promoted=False, reason=reason)
    rng = context.rng(question.task)
    split = split_by_time(rows.as_of_us, rows.examples.customers, moments=moments, rng=rng, gap_days=0)
    choosing, judging = _halves(split.validate, rng)
    context.tell("climbing the ladder")
    model, report = question.fit(
        rows.examples.take(split.train), rows.examples.take(split.calibrate), rows.examples.take(choosing), rng=rng
    )
    judged = rows.examples.take(judging)
    leaks = _leaks(context, question, moments, rows, split.train, model, judged)
    found = _released(context, question, model, report, judged, leaks, len(rows.examples), split.how)
    if not found.promoted and _champion(context, question) is None and all(leak.passed for leak in leaks):
        found = _rule_meanwhile(context, question, model, report, judged, found, len(rows.examples), split.how)
    _score(context, question)
    return found


def _rule_meanwhile(  # noqa: PLR0917 (the rule's card says as much as the model's)
    context: JobContext,
    question: Question,
    refused: ExplainedModel,
    report: LadderReport,
    judged: Examples,
    found: JobReport,
    rows: int,
    how: str,
) -> JobReport:
    """A tenant without a champion is not left blank: the best rule serves until something surely beats it."""
    rule = type(refused)(report.floor)
    floor = replace(
        report, chosen=report.floor.rung_name, number=0, why="the best rule serves until something surely beats it"
    )
    answered = _released(context, question, rule, floor, judged, (), rows, how)
    return replace(answered, reason=f"{found.reason} {answered.reason}")


def _rows(context: JobContext, question: Question, moments: Moments) -> _Rows:
    tables, labels, customers, as_of = [], [], [], []
    for number, moment in enumerate(moments.all_us):
        context.tell(f"features at moment {number + 1} of {len(moments.all_us)}")
        found = question.labels_at(moment)
        tables.append(features_at(context.history, question.features, found.customers, moment).values)
        labels.append(found.label)
        customers.append(found.customers.astype(np.str_))
        as_of.append(np.full(found.label.size, moment, dtype=np.int64))
    table = FeatureTable(question.features, np.concatenate(tables))
    examples = Examples(table, np.concatenate(labels), np.concatenate(customers))
    return _Rows(examples, np.concatenate(as_of))


def _halves(rows: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows of one moment, each customer once, drawn into two halves."""
    drawn = rng.random(rows.size) < 0.5
    return rows[drawn], rows[~drawn]


def _leaks(  # noqa: PLR0917 (each check looks at another part)
    context: JobContext,
    question: Question,
    moments: Moments,
    rows: _Rows,
    train: NDArray[Any],
    model: ExplainedModel,
    judged: Examples,
) -> tuple[LeakFinding, ...]:
    moment, horizon = moments.validate_us, question.horizon_days
    sample = judged.customers[:_SHIFT_SAMPLE]

    def features_of(cut: int | None) -> FeatureTable:
        history = context.history if cut is None else context.history.before(cut)
        return features_at(history, question.features, sample, moment)

    findings = [
        check_future_shift(features_of, as_of_us=moment),
        check_single_features(judged),
        check_window_observed(
            question.labels_at(moment).window, context.history.until_us, allowance_days=question.allowance_days
        ),
    ]
    if moments.train_us:
        judged_at = np.full(1, moment, dtype=np.int64)
        findings.append(check_windows_apart(rows.as_of_us[train], judged_at, horizon_us=horizon * 86_400_000_000))
    if model.model.rung.number > 0:
        findings.append(check_not_constant(model.probability(judged.table)))
    return tuple(findings)


def _released(  # noqa: PLR0917 (everything that was found goes on the card)
    context: JobContext,
    question: Question,
    model: ExplainedModel,
    report: LadderReport,
    judged: Examples,
    leaks: tuple[LeakFinding, ...],
    rows: int,
    how: str,
) -> JobReport:
    rng = context.rng(f"{question.task}:judge")
    ours, floor = model.probability(judged.table), report.floor.probability(judged.table)
    champion = _champion(context, question)
    theirs = champion.probability(judged.table) if champion else None
    evidence = classification_evidence(
        judged.label,
        ours,
        customers=judged.customers,
        rng=rng,
        baselines={f"best rule ({report.floor.rung_name})": floor},
        champion=theirs,
        leaks=leaks,
        is_floor=report.is_floor,
    )
    gate = Gate().decide(evidence)
    lead = log_loss_lead(judged.label, ours, floor, customers=judged.customers, rng=rng)
    metrics = {**_figures(judged, ours), "log loss gain over the rule": lead}
    return release(
        context,
        question.task,
        model,
        gate,
        rows=rows,
        features=question.features,
        metrics=metrics,
        baselines=_figures(judged, floor),
        rung=model.model.rung_name,
        limits=question.limits,
        details={**question.details, "split": how, "why_this_rung": report.why, "judged_rows": len(judged)},
    )


def _figures(judged: Examples, probability: NDArray[np.float64]) -> dict[str, Interval]:
    """Point figures as degenerate intervals; the lead beside them carries the uncertainty that decides."""
    found = {
        "log loss": log_loss(judged.label, probability),
        "brier": brier(judged.label, probability),
        "ece10": ece10(judged.label, probability),
    }
    if judged.rarer:
        found["auc"] = auc(judged.label, probability)
    return {name: Interval(value, value, value) for name, value in found.items()}


def _champion(context: JobContext, question: Question) -> ExplainedModel | None:
    champion = context.registry.champion(context.scope.tenant_id, question.task)
    if champion is None:
        return None
    model = question.load(champion.folder)
    return model if set(model.columns) <= set(question.features) else None


def _score(context: JobContext, question: Question) -> None:
    champion = context.registry.champion(context.scope.tenant_id, question.task)
    if champion is None or question.scored.size == 0:
        return
    context.tell(f"scoring {question.scored.size} customers")
    moment = context.history.until_us
    model = question.load(champion.folder)
    table = features_at(context.history, model.columns, question.scored, moment)
    scores = [
        Score(
            customer_id=str(customer),
            version=champion.version,
            as_of=instant_of(moment),
            value=score.probability,
            document={
                "rung": score.rung,
                "horizon_days": question.horizon_days,
                "reasons": [
                    {"text": reason.text, "direction": reason.direction, "weight": round(reason.weight, 4)}
                    for reason in score.reasons
                ],
            },
        )
        for customer, score in zip(question.scored.tolist(), model.explain(table), strict=True)
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(question.task, scores)
