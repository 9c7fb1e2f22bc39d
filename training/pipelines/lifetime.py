"""How long each subscriber will stay: the chance of leaving in each coming month, the day by which half will have left, and its interval.

Landmarks stand a month apart; a row is a landmark's customer in one of the months that followed. Months are parted by the calendar: what
is judged came after everything that taught or calibrated, whatever its landmark. A customer's own life table by tenure is the rule to beat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from features.catalog import CHURN
from features.scores.store import Score, ScoreStore
from features.sources import instant_of
from features.view import Source
from models.churn.hazard import (
    AHEAD,
    PERIOD_DAYS,
    PERIODS,
    TENURE_THEN,
    HazardModel,
    Landmarks,
    ahead_table,
    fit_hazard,
    stack_periods,
)
from models.churn.label import joined
from models.tabular.labels import DAY_US
from models.tabular.ladder import LadderConfig
from models.tabular.table import FeatureTable
from models.tabular.tenure_table import COLUMN as TENURE
from training.card_parts import calibration_curve
from training.context import NOTHING_NEW, JobReport
from training.history import features_at
from training.leakage import check_future_shift, check_not_constant, check_single_features, check_windows_apart
from training.pipelines.churn import GRACE_DAYS, spells_of
from training.pipelines.first_day import USUAL_CHURN, answer_first_day, rule_meanwhile, usual_rate
from training.pipelines.weighed import weigh
from training.release import release

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.churn.label import Spells
    from models.registry.port import ModelVersion
    from models.tabular.ladder import LadderReport
    from models.tabular.table import Examples
    from training.context import JobContext
    from training.leakage import LeakFinding

TASK = "lifetime"
FEWEST_ENDS = 40
FEWEST_LANDMARKS = 4
MOST_LANDMARKS = 10
MOST_CUSTOMERS = 1500
_MONTH_US = PERIOD_DAYS * DAY_US
_SHIFT_SAMPLE = 200
_SCORE_MONTHS = 3
_SET_ASIDE = 0.2


@dataclass(frozen=True, slots=True)
class _Parts:
    """Stacked months for learning, calibrating, choosing and judging; the last two are halves of the same months' customers."""

    train: Examples
    calibrate: Examples
    choose: Examples
    judge: Examples
    train_start_us: NDArray[np.int64]
    judged_from_us: int


def run(context: JobContext) -> JobReport:
    """Learn, judge, publish, and forecast every running subscription with whichever model serves."""
    found = _learned(context)
    _forecast(context)
    return found


def _learned(context: JobContext) -> JobReport:
    history = context.history
    if not context.refit:
        return JobReport(task=TASK, version=None, promoted=False, reason=NOTHING_NEW)
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return _untrained("there are no subscriptions yet.")
    spells = joined(spells_of(history), grace_days=GRACE_DAYS)
    ends = int((spells.ended_us < history.until_us).sum())
    moments = _moments(int(spells.started_us.min()), history.until_us)
    if ends < FEWEST_ENDS or len(moments) < FEWEST_LANDMARKS:
        why = f"{ends} subscriptions have ended within {len(moments)} months that can be seen, too few of either."
        return answer_first_day(context, TASK, _usual(spells, history.until_us, ends), why)
    landmarks = _landmarks(context, spells, moments)
    parts = _parts(context, landmarks, moments)
    if parts is None:
        why = "too few subscriptions ended in some part of the time."
        return answer_first_day(context, TASK, _usual(spells, history.until_us, ends), why)
    context.tell("climbing the ladder")
    config = LadderConfig(blend=None, seed=context.seed)
    model, report = fit_hazard(parts.train, parts.calibrate, parts.choose, rng=context.rng(TASK), config=config)
    context.tell("judging")
    leaks = _leaks(context, model, parts)
    found = _released(context, model, report, parts, moments, leaks)
    if found.promoted or _champion(context) is not None or not all(leak.passed for leak in leaks):
        return found
    answered = _released(context, HazardModel(report.floor), rule_meanwhile(report), parts, moments, ())
    return replace(answered, reason=f"{found.reason} {answered.reason}")


def _champion(context: JobContext) -> ModelVersion | None:
    return context.registry.champion(context.scope.tenant_id, TASK)


def _untrained(why: str) -> JobReport:
    return JobReport(task=TASK, version=None, promoted=False, reason=f"Not trained: {why}")


def _usual(spells: Spells, until_us: int, ends: int) -> HazardModel:
    """One rate for every month."""
    columns = (TENURE, AHEAD, TENURE_THEN)
    return HazardModel(usual_rate(spells, until_us, ends, usual=USUAL_CHURN, columns=columns))


def _moments(first_us: int, until_us: int) -> list[int]:
    """A month apart, the last one a month before the end of what is settled; after a month of history."""
    settled_us = until_us - GRACE_DAYS * DAY_US
    found = [settled_us - number * _MONTH_US for number in range(1, MOST_LANDMARKS + 1)]
    return sorted(moment for moment in found if moment >= first_us + _MONTH_US)


def _landmarks(context: JobContext, spells: Spells, moments: list[int]) -> Landmarks:
    """Who had a running subscription at each moment, as known then; a sample where there are many, and nobody who was erased."""
    erased = np.asarray(sorted(context.erased), dtype=np.str_)
    tables, customers, as_of, left = [], [], [], []
    for number, moment in enumerate(moments):
        context.tell(f"features at landmark {number + 1} of {len(moments)}")
        rows = np.flatnonzero((spells.started_us < moment) & (spells.ended_us >= moment))
        rows = rows[~np.isin(spells.customers[rows], erased)]
        rows = rows[np.unique(spells.customers[rows], return_index=True)[1]]
        if rows.size > MOST_CUSTOMERS:
            rows = np.sort(context.rng(f"{TASK}:{number}").choice(rows, MOST_CUSTOMERS, replace=False))
        tables.append(features_at(context.history, CHURN, spells.customers[rows], moment).values)
        customers.append(spells.customers[rows])
        as_of.append(np.full(rows.size, moment, dtype=np.int64))
        left.append(spells.ended_us[rows])
    return Landmarks(
        table=FeatureTable(CHURN, np.concatenate(tables)),
        customers=np.concatenate(customers),
        as_of_us=np.concatenate(as_of),
        left_us=np.concatenate(left),
        seen_until_us=context.history.until_us - GRACE_DAYS * DAY_US,
    )


def _parts(context: JobContext, landmarks: Landmarks, moments: list[int]) -> _Parts | None:
    """By the calendar: the last quarter of the months (at least one) judges, what came before teaches.

    Whole customers are set aside to calibrate on, and half of the judged months' customers choose the rung.
    """
    examples, place = stack_periods(landmarks)
    start_us = landmarks.as_of_us[place] + examples.table.column(AHEAD).astype(np.int64) * _MONTH_US
    judged_us = moments[-max(len(moments) // 4, 1)]
    aside = _drawn(context, "aside", examples.customers, _SET_ASIDE)
    half = _drawn(context, "halves", examples.customers, 0.5)
    late = start_us >= judged_us
    teaching = np.flatnonzero(~late & ~aside)
    train, judge = examples.take(teaching), examples.take(late & ~half)
    if not train.rarer or not judge.rarer:
        return None
    return _Parts(train, examples.take(~late & aside), examples.take(late & half), judge, start_us[teaching], judged_us)


def _drawn(context: JobContext, name: str, customers: NDArray[np.str_], share: float) -> NDArray[np.bool_]:
    """The rows of customers drawn at random, whole customers at a time."""
    distinct, code = np.unique(customers, return_inverse=True)
    return np.asarray((context.rng(f"{TASK}:{name}").random(distinct.size) < share)[code])


def _leaks(context: JobContext, model: HazardModel, parts: _Parts) -> tuple[LeakFinding, ...]:
    moment, sample = parts.judged_from_us, np.unique(parts.judge.customers)[:_SHIFT_SAMPLE]

    def features_of(cut: int | None) -> FeatureTable:
        history = context.history if cut is None else context.history.before(cut)
        return features_at(history, CHURN, sample, moment)

    judged_at = np.full(1, moment, dtype=np.int64)
    findings = [
        check_future_shift(features_of, as_of_us=moment),
        check_single_features(parts.judge),
        check_windows_apart(parts.train_start_us, judged_at, horizon_us=_MONTH_US),
    ]
    if model.model.rung.number > 0:
        findings.append(check_not_constant(model.probability(parts.judge.table)))
    return tuple(findings)


def _released(  # noqa: PLR0917 (everything that was found goes on the card)
    context: JobContext,
    model: HazardModel,
    report: LadderReport,
    parts: _Parts,
    moments: list[int],
    leaks: tuple[LeakFinding, ...],
) -> JobReport:
    judged = parts.judge
    champion = _champion(context)
    weighed = weigh(
        model,
        report,
        judged,
        champion=HazardModel.load(champion.folder) if champion else None,
        leaks=leaks,
        rng=context.rng(f"{TASK}:judge"),
    )
    return release(
        context,
        TASK,
        model,
        weighed.gate,
        rows=len(parts.train) + len(parts.calibrate) + len(parts.choose) + len(judged),
        features=CHURN,
        metrics=weighed.metrics,
        baselines=weighed.baselines,
        rung=model.model.rung_name,
        limits=(
            f"The chance of leaving in each of the next {PERIODS} months of {PERIOD_DAYS} days, by choice or not.",
            "What is known today counts for less in later months, as far as the past shows.",
        ),
        details={
            "landmarks": len(moments),
            "why_this_rung": report.why,
            "judged_rows": len(judged),
            "calibration": calibration_curve(judged.label, model.probability(judged.table)),
        },
    )


def _forecast(context: JobContext) -> None:
    """A forecast of every running subscription; the score is the chance to leave within three months."""
    champion = _champion(context)
    if champion is None or context.history.rows(Source.SUBSCRIPTIONS) == 0:
        return
    spells, moment = spells_of(context.history), context.history.until_us
    customers = np.unique(spells.customers[spells.ended_us >= moment])
    customers = customers[~np.isin(customers, np.asarray(sorted(context.left_out()), dtype=np.str_))]
    if not customers.size:
        return
    context.tell(f"forecasting {customers.size} customers")
    model = HazardModel.load(champion.folder)
    table = features_at(context.history, model.known_columns, customers, moment)
    told = zip(customers.tolist(), model.forecast(table), model.explain(ahead_table(table, 0)), strict=True)
    scores = [
        Score(
            customer_id=str(customer),
            version=champion.version,
            as_of=instant_of(moment),
            value=forecast.leaving[_SCORE_MONTHS - 1],
            document={
                "rung": score.rung,
                "horizon_days": _SCORE_MONTHS * PERIOD_DAYS,
                **forecast.to_document(),
                "reasons": [
                    {"text": reason.text, "direction": reason.direction, "weight": round(reason.weight, 4)}
                    for reason in score.reasons
                ],
            },
        )
        for customer, forecast, score in told
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(TASK, scores)
