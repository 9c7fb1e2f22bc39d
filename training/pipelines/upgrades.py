"""Which plan each subscriber is likely to move to: one chance for every plan above theirs, learned together so that rare steps borrow.

`propensity.py` asks whether anybody moves up at all; this asks where to. With one step there is nothing to tell apart, and it says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from features.catalog import PROPENSITY
from features.scores.store import Score, ScoreStore
from features.sources import instant_of
from features.view import Source
from models.propensity.targets import STEPS, TARGET, TargetLabels, TargetModel, fit_targets, label_targets, target_table
from models.tabular.labels import DAY_US, Window
from models.tabular.ladder import LadderConfig
from models.tabular.table import Examples, FeatureTable
from training.card_parts import calibration_curve
from training.context import NOTHING_NEW, JobReport
from training.history import features_at
from training.leakage import check_future_shift, check_not_constant, check_single_features, check_windows_apart
from training.pipelines.churn import spells_of
from training.pipelines.first_day import USUAL_UPGRADE, answer_first_day, rule_meanwhile, usual_rate
from training.pipelines.propensity import below_top, plan_changes, steps_up
from training.pipelines.weighed import weigh
from training.release import release
from training.split import plan_moments, split_by_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.registry.port import ModelVersion
    from models.tabular.ladder import LadderReport
    from training.context import JobContext
    from training.leakage import LeakFinding
    from training.split import Moments

TASK = "upgrades"
HORIZON_DAYS = 30
FEWEST_UPGRADES = 20
MOST_CUSTOMERS = 3000
_SHIFT_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class _Changes:
    """Every change of plan, the highest rank there is, and the plan of each rank."""

    customers: NDArray[np.str_]
    at_us: NDArray[np.int64]
    ranks: NDArray[np.int64]
    top: int
    plans: dict[int, str]


@dataclass(frozen=True, slots=True)
class _Rows:
    examples: Examples
    as_of_us: NDArray[np.int64]


def run(context: JobContext) -> JobReport:
    """Learn, judge, publish, and score everybody below the top plan."""
    if context.history.rows(Source.SUBSCRIPTIONS) == 0:
        return _untrained("there are no subscriptions yet.")
    changes = _changes(context)
    found = _learned(context, changes)
    _score(context, changes)
    return found


def _untrained(why: str) -> JobReport:
    return JobReport(task=TASK, version=None, promoted=False, reason=f"Not trained: {why}")


def _changes(context: JobContext) -> _Changes:
    history = context.history
    customers, at_us, ranks = plan_changes(history)
    stored = history.column(Source.SUBSCRIPTIONS, "plan_rank").tolist()
    plans = dict(zip(stored, history.column(Source.SUBSCRIPTIONS, "plan").tolist(), strict=True))
    return _Changes(customers, at_us, ranks, int(ranks.max()), plans)


def _learned(context: JobContext, changes: _Changes) -> JobReport:
    if not context.refit:
        return JobReport(task=TASK, version=None, promoted=False, reason=NOTHING_NEW)
    if changes.top < 2:
        return _untrained("there is one step up at most, and the upgrade propensity answers for it.")
    moments = plan_moments(int(changes.at_us.min()), context.history.until_us, horizon_days=HORIZON_DAYS)
    if moments is None:
        why = f"the history is too short to see what happens within {HORIZON_DAYS} days."
        return answer_first_day(context, TASK, _usual(context, changes), why)
    rows = _rows(context, changes, moments)
    if rows.examples.positives < FEWEST_UPGRADES:
        why = f"{rows.examples.positives} upgrades were seen, and {FEWEST_UPGRADES} are the least to learn from."
        return answer_first_day(context, TASK, _usual(context, changes), why)
    split = split_by_time(rows.as_of_us, rows.examples.customers, moments=moments, rng=context.rng(TASK))
    halves = _half(context, rows.examples.customers[split.validate])
    choose, judge = split.validate[halves], split.validate[~halves]
    parts = [rows.examples.take(part) for part in (split.train, split.calibrate, choose)]
    context.tell("climbing the ladder")
    config = LadderConfig(blend=None, seed=context.seed)
    model, report = fit_targets(parts[0], parts[1], parts[2], rng=context.rng(f"{TASK}:fit"), config=config)
    context.tell("judging")
    judged = rows.examples.take(judge)
    leaks = _leaks(context, moments, rows.as_of_us[split.train], model, judged)
    found = _released(context, changes, model, report, judged, leaks, len(rows.examples))
    if found.promoted or _champion(context) is not None or not all(leak.passed for leak in leaks):
        return found
    rule = rule_meanwhile(report)
    answered = _released(context, changes, TargetModel(report.floor), rule, judged, (), len(rows.examples))
    return replace(answered, reason=f"{found.reason} {answered.reason}")


def _champion(context: JobContext) -> ModelVersion | None:
    return context.registry.champion(context.scope.tenant_id, TASK)


def _usual(context: JobContext, changes: _Changes) -> TargetModel:
    """One rate for every target: the usual one of a step up, shared out over the steps there are."""
    ups = steps_up(changes.customers, changes.ranks)
    spells = spells_of(context.history)
    usual, columns = USUAL_UPGRADE / changes.top, ("plan_rank", TARGET, STEPS)
    return TargetModel(usual_rate(spells, context.history.until_us, ups // changes.top, usual=usual, columns=columns))


def _half(context: JobContext, customers: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Half of the customers, with all of their rows."""
    distinct, code = np.unique(customers, return_inverse=True)
    return np.asarray((context.rng(f"{TASK}:halves").random(distinct.size) < 0.5)[code])


def _rows(context: JobContext, changes: _Changes, moments: Moments) -> _Rows:
    """Subscribers and targets at every moment; a sample where there are many, and nobody who was erased."""
    erased = np.asarray(sorted(context.erased), dtype=np.str_)
    tables, labels, customers, as_of = [], [], [], []
    for number, moment in enumerate(moments.all_us):
        context.tell(f"features at moment {number + 1} of {len(moments.all_us)}")
        found = _labels(changes, moment, context.history.until_us)
        known = np.setdiff1d(np.unique(found.customers), erased)
        if known.size > MOST_CUSTOMERS:
            known = np.sort(context.rng(f"{TASK}:{number}").choice(known, MOST_CUSTOMERS, replace=False))
        kept = np.isin(found.customers, known)
        who = found.customers[kept]
        features = features_at(context.history, PROPENSITY, known, moment)
        table = target_table(features.take(np.searchsorted(known, who)), found.standing[kept], found.target[kept])
        tables.append(table)
        labels.append(found.label[kept])
        customers.append(who.astype(np.str_))
        as_of.append(np.full(who.size, moment, dtype=np.int64))
    table = FeatureTable(tables[0].columns, np.concatenate([one.values for one in tables]))
    return _Rows(Examples(table, np.concatenate(labels), np.concatenate(customers)), np.concatenate(as_of))


def _labels(changes: _Changes, moment: int, until_us: int) -> TargetLabels:
    window = Window.after(moment, horizon_days=HORIZON_DAYS)
    return label_targets(
        changes.customers, changes.at_us, changes.ranks, top_rank=changes.top, window=window, observed_until_us=until_us
    )


def _leaks(
    context: JobContext, moments: Moments, train_as_of_us: NDArray[np.int64], model: TargetModel, judged: Examples
) -> tuple[LeakFinding, ...]:
    moment, sample = moments.validate_us, np.unique(judged.customers)[:_SHIFT_SAMPLE]

    def features_of(cut: int | None) -> FeatureTable:
        history = context.history if cut is None else context.history.before(cut)
        return features_at(history, PROPENSITY, sample, moment)

    findings = [check_future_shift(features_of, as_of_us=moment), check_single_features(judged)]
    if moments.train_us:
        judged_at = np.full(1, moment, dtype=np.int64)
        findings.append(check_windows_apart(train_as_of_us, judged_at, horizon_us=HORIZON_DAYS * DAY_US))
    if model.model.rung.number > 0:
        findings.append(check_not_constant(model.probability(judged.table)))
    return tuple(findings)


def _released(  # noqa: PLR0917 (everything that was found goes on the card)
    context: JobContext,
    changes: _Changes,
    model: TargetModel,
    report: LadderReport,
    judged: Examples,
    leaks: tuple[LeakFinding, ...],
    rows: int,
) -> JobReport:
    champion = _champion(context)
    weighed = weigh(
        model,
        report,
        judged,
        champion=TargetModel.load(champion.folder) if champion else None,
        leaks=leaks,
        rng=context.rng(f"{TASK}:judge"),
    )
    return release(
        context,
        TASK,
        model,
        weighed.gate,
        rows=rows,
        features=PROPENSITY,
        metrics=weighed.metrics,
        baselines=weighed.baselines,
        rung=model.model.rung_name,
        limits=(
            f"The chance that a subscriber's next plan within {HORIZON_DAYS} days is this one; not whom an offer would move.",
        ),
        details={
            "plans": {str(rank): plan for rank, plan in sorted(changes.plans.items())},
            "why_this_rung": report.why,
            "judged_rows": len(judged),
            "calibration": calibration_curve(judged.label, model.probability(judged.table)),
        },
    )


def _score(context: JobContext, changes: _Changes) -> None:
    """Every target's chance for everybody below the top; the score is the likeliest one's."""
    champion = _champion(context)
    if champion is None:
        return
    moment = context.history.until_us
    standing_of = below_top(context.history, changes.customers, changes.at_us, changes.ranks, changes.top)
    left_out = context.left_out()
    customers = np.asarray([one for one in sorted(standing_of) if one not in left_out], dtype=np.str_)
    if not customers.size:
        return
    context.tell(f"scoring {customers.size} customers")
    model = TargetModel.load(champion.folder)
    standing = np.array([standing_of[one] for one in customers.tolist()], dtype=np.int64)
    table = features_at(context.history, model.known_columns, customers, moment)
    offers = model.offers(table, standing, top_rank=changes.top)
    likeliest = np.array([max(found, key=lambda rank: found[rank]) for found in offers], dtype=np.int64)
    explained = model.explain(target_table(table, standing, likeliest))
    scores = [
        Score(
            customer_id=str(customer),
            version=champion.version,
            as_of=instant_of(moment),
            value=score.probability,
            document={
                "rung": score.rung,
                "horizon_days": HORIZON_DAYS,
                "plan": changes.plans.get(target, str(target)),
                "targets": [
                    {"plan": changes.plans.get(rank, str(rank)), "probability": round(chance, 4)}
                    for rank, chance in sorted(found.items(), key=lambda pair: -pair[1])
                ],
                "reasons": [
                    {"text": reason.text, "direction": reason.direction, "weight": round(reason.weight, 4)}
                    for reason in score.reasons
                ],
            },
        )
        for customer, target, found, score in zip(
            customers.tolist(), likeliest.tolist(), offers, explained, strict=True
        )
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(TASK, scores)
