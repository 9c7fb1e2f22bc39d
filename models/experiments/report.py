"""The report of an experiment: one function of its plan, its kept looks and its sums; renderers only lay out what it says.

What may not be seen yet is not in it. The decision is the plan's own (a sequence, or a planned look); fixed intervals and the chance to win
stand beside it as views. Means of money are in whole units of the currency, lifts are relative to control.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.kernel.money import exponent
from models.experiments.bandit import read_out_of
from models.experiments.facts import from_facts, judge_again, to_facts
from models.experiments.figures import compare
from models.experiments.inference.bayes import Prior, belief
from models.experiments.inference.contrast import Contrast, NotComputable
from models.experiments.inference.corrections import benjamini_hochberg
from models.experiments.inference.fixed import two_sided
from models.experiments.inference.guard import Guarded
from models.experiments.inference.sequence import sequence
from models.experiments.plan import Design
from models.experiments.verdict import Look, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from features.experiments.moments import Moments, Weighted
    from models.experiments.figures import Compared
    from models.experiments.inference.srm import Split
    from models.experiments.inference.sums import Summarised
    from models.experiments.plan import Metric, Plan
    from models.experiments.verdict import Judged, Verdict

MOST_LEVELS = 20
OTHERS = "(others)"
_SHOWN = {State.UNDECIDED, State.DECIDED, State.NOTHING_FOUND, State.HARMED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A look that was kept: whole days since the start, units by arm, and the facts that were judged."""

    day: int
    units: Mapping[str, int]
    facts: Mapping[str, Any]
    planned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen. Sums are by metric and arm, of all units and without those that crossed; `parts` by dimension, level and arm."""

    days: int
    units: Mapping[str, int]
    sums: Mapping[str, Mapping[str, Moments | Summarised]]
    crossed: Mapping[str, int] = field(default_factory=dict)
    uncrossed: Mapping[str, Mapping[str, Moments | Summarised]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Mapping[str, Moments]]] = field(default_factory=dict)
    units_by_day: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    kept: Sequence[Kept] = ()
    money: frozenset[str] = frozenset()
    titles: Mapping[str, str] = field(default_factory=dict)
    clustered: frozenset[str] = frozenset()


def facts_now(plan: Plan, seen: Evidence, planned: int | None = None) -> dict[str, Any]:
    """What a look at this moment judges by."""
    look = Look(days=seen.days, units=_units(plan, seen), planned=planned)
    contrasts = {arm.key: _against(plan, seen, plan.primary, arm.key).found for arm in plan.arms[1:]}
    guarded = {}
    for metric in plan.guardrails:
        for arm in plan.arms[1:]:
            found = _against(plan, seen, metric, arm.key).found
            if isinstance(found, Contrast):
                guarded[arm.key, metric.key] = found
    return to_facts(look, contrasts, guarded)


def next_planned(plan: Plan, seen: Evidence) -> int | None:
    """The number of the planned look that is due: it was not taken yet, its units count by now, and a full week and the fewest are there.

    None for a plan that is read at any time.
    """
    is_early = seen.days < plan.fewest_days or min(_units(plan, seen)) < plan.fewest_units_an_arm
    if plan.design is not Design.PLANNED or is_early:
        return None
    taken = {kept.planned for kept in seen.kept if kept.planned is not None}
    total = sum(sums.n for sums in seen.sums.get(plan.primary.key, {}).values())
    due = [number for number, share in enumerate(plan.looks) if total >= share * plan.planned_units]
    return due[-1] if due and due[-1] not in taken else None


def verdict_now(plan: Plan, seen: Evidence) -> tuple[Verdict, dict[str, Any]]:
    """The verdict at this moment and the facts it rests on: a planned look's kept figures stand until the next one's.

    What loses units or does harm is said at once, whatever look stands.
    """
    facts = facts_now(plan, seen)
    present = judge_again(plan, facts)
    planned = [kept for kept in seen.kept if kept.planned is not None]
    if present.state in {State.PAUSED, State.HARMED} or not planned:
        return present, facts
    for kept in planned:  # the first look that decided ended the test
        found = judge_again(plan, kept.facts)
        if found.state is State.DECIDED:
            return found, dict(kept.facts)
    return judge_again(plan, planned[-1].facts), dict(planned[-1].facts)


def _units(plan: Plan, seen: Evidence) -> tuple[int, ...]:
    return tuple(seen.units.get(arm.key, 0) for arm in plan.arms)


def report(plan: Plan, seen: Evidence) -> dict[str, Any]:
    """The whole report as a document of plain values."""
    verdict, facts = verdict_now(plan, seen)
    is_shown = verdict.state in _SHOWN
    document: dict[str, Any] = {
        "days": seen.days,
        "units": {arm.key: seen.units.get(arm.key, 0) for arm in plan.arms},
        "planned_units": plan.planned_units,
        "crossed": {arm.key: seen.crossed.get(arm.key, 0) for arm in plan.arms},
        "state": verdict.state.value,
        "is_masked": not is_shown,
        "sentence": verdict.sentence,
        "winner": verdict.winner,
        "facts": facts,
        "split": _split(verdict.split),
        "guardrails": [
            {"arm": arm, "metric": metric, "state": state.value, "title": seen.titles.get(metric, metric)}
            for (arm, metric), state in sorted(verdict.guardrails.items())
            if is_shown or state is Guarded.HARMED
        ],
        "units_by_day": {day: dict(arms) for day, arms in sorted(seen.units_by_day.items())},
        "metrics": [],
        "segments": [],
        "sequence": [],
    }
    if is_shown:
        document["metrics"] = _metrics(plan, seen, verdict)
        document["segments"] = [_dimension(plan, seen, name) for name in sorted(seen.parts)]
        document["sequence"] = _sequence(plan, seen)
    return document


def bandit_report(plan: Plan, seen: Evidence, weighted: Mapping[str, Weighted], shares: Any) -> dict[str, Any]:
    """A bandit's: what each arm would bring had everybody been shown it, from outcomes weighted by logged propensities.

    Welch's test and the sample-ratio check do not hold where shares follow success, so neither is here.
    """
    masked = seen.days < plan.fewest_days or min(seen.units.get(arm.key, 0) for arm in plan.arms) < 2
    arms = []
    for arm in plan.arms:
        found = read_out_of(weighted[arm.key]) if arm.key in weighted else NotComputable("the arm was never shown")
        told: dict[str, Any] = {"arm": arm.key, "units": seen.units.get(arm.key, 0)}
        if isinstance(found, NotComputable):
            told["why"] = found.reason
        elif not masked:
            half, per = 1.96 * (found.variance / found.n) ** 0.5, _per(plan, seen, plan.primary.key)
            told |= {"mean": found.mean / per, "low": (found.mean - half) / per, "high": (found.mean + half) / per}
        arms.append(told)
    sentence = (
        f"Results are shown after {plan.fewest_days} full days; {seen.days} have passed."
        if masked
        else "Shares follow success; figures are weighted by the chance with which each customer was shown an arm."
    )
    return {
        "days": seen.days,
        "units": {arm.key: seen.units.get(arm.key, 0) for arm in plan.arms},
        "state": "masked" if masked else "learning",
        "is_masked": masked,
        "sentence": sentence,
        "read_out": arms,
        "shares": shares,
        "units_by_day": {day: dict(by_arm) for day, by_arm in sorted(seen.units_by_day.items())},
    }


def _against(plan: Plan, seen: Evidence, metric: Metric, arm: str, *, uncrossed: bool = False) -> Compared:
    sums = (seen.uncrossed if uncrossed else seen.sums).get(metric.key, {})
    clustered = metric.key in seen.clustered
    return compare(metric, sums.get(plan.control.key), sums.get(arm), clustered=clustered)


def _metrics(plan: Plan, seen: Evidence, verdict: Verdict) -> list[dict[str, Any]]:
    judged = {each.arm: each for each in verdict.judged}
    found = [_metric(plan, seen, plan.primary, "primary", judged)]
    found += [_metric(plan, seen, metric, "secondary", {}) for metric in plan.secondary]
    found += [_metric(plan, seen, metric, "guardrail", {}) for metric in plan.guardrails]
    tested = [arm for metric in found[1 : 1 + len(plan.secondary)] for arm in metric["arms"] if "p_value" in arm]
    for arm, adjusted in zip(tested, benjamini_hochberg([arm["p_value"] for arm in tested]), strict=True):
        arm["adjusted_p"] = adjusted
    return found


def _metric(plan: Plan, seen: Evidence, metric: Metric, role: str, judged: Mapping[str, Judged]) -> dict[str, Any]:
    return {
        "key": metric.key,
        "title": seen.titles.get(metric.key, metric.key),
        "role": role,
        "kind": metric.kind.value,
        "better": metric.better.value,
        "window_days": metric.window_days,
        "unit": plan.currency if metric.key in seen.money else "",
        "control": _mean(plan, seen, metric),
        "arms": [_arm(plan, seen, metric, arm.key, judged.get(arm.key)) for arm in plan.arms[1:]],
    }


def _mean(plan: Plan, seen: Evidence, metric: Metric) -> dict[str, Any]:
    any_arm = _against(plan, seen, metric, plan.arms[1].key)
    if any_arm.control is None:
        return {"arm": plan.control.key, "units": 0}
    per = _per(plan, seen, metric.key)
    return {"arm": plan.control.key, "units": any_arm.control.n, "mean": any_arm.control.mean / per}


def _arm(plan: Plan, seen: Evidence, metric: Metric, arm: str, judged: Judged | None) -> dict[str, Any]:
    compared, per = _against(plan, seen, metric, arm), _per(plan, seen, metric.key)
    told: dict[str, Any] = {"arm": arm, "units": compared.treatment.n if compared.treatment else 0}
    if compared.treatment is not None:
        told["mean"] = compared.treatment.mean / per
    if isinstance(compared.found, NotComputable):
        return told | {"why": compared.found.reason}
    told |= _shown(plan, compared.found) | {"explained": compared.explained}
    apart = _against(plan, seen, metric, arm, uncrossed=True).found
    if any(seen.crossed.values()) and isinstance(apart, Contrast):
        told["without_crossed"] = {name: _shown(plan, apart)[name] for name in ("lift", "low", "high")}
    if judged is not None and judged.effect is not None:
        told |= {"lift": judged.effect, "low": judged.low, "high": judged.high, "p_value": judged.p_value}
        told |= {"adjusted_p": judged.adjusted_p, "finding": judged.finding.value}
    return told


def _shown(plan: Plan, found: Contrast) -> dict[str, Any]:
    """The sequence's interval, and beside it the fixed one and the chance to win."""
    looked = sequence(found, tuning_n=plan.planned_units, alpha=plan.alpha)
    fixed, view = two_sided(found, plan.alpha), belief(found, Prior(), plan.alpha)
    return {
        "lift": found.shown(found.effect),
        "low": found.shown(looked.low),
        "high": found.shown(looked.high),
        "p_value": looked.p_value,
        "fixed": {"low": found.shown(fixed.low), "high": found.shown(fixed.high), "p_value": fixed.p_value},
        "chance_higher": view.chance_to_win,
    }


def _dimension(plan: Plan, seen: Evidence, name: str) -> dict[str, Any]:
    """The primary metric by level: the twenty with most units, the rest merged; p-values corrected over all of them."""
    levels = []
    for level, arms in _largest(seen.parts[name]).items():
        for arm in plan.arms[1:]:
            clustered = plan.primary.key in seen.clustered
            found = compare(plan.primary, arms.get(plan.control.key), arms.get(arm.key), clustered=clustered).found
            told: dict[str, Any] = {"level": level, "arm": arm.key}
            told["units"] = sum(sums.n for sums in arms.values())
            told |= _shown(plan, found) if isinstance(found, Contrast) else {"why": found.reason}
            levels.append(told)
    tested = [told for told in levels if "p_value" in told]
    for told, adjusted in zip(tested, benjamini_hochberg([told["p_value"] for told in tested]), strict=True):
        told["adjusted_p"] = adjusted
    return {"by": name, "levels": levels}


def _largest(levels: Mapping[str, Mapping[str, Moments]]) -> dict[str, Mapping[str, Moments]]:
    order = sorted(levels, key=lambda level: (-sum(sums.n for sums in levels[level].values()), level))
    found: dict[str, Mapping[str, Moments]] = {level: levels[level] for level in sorted(order[:MOST_LEVELS])}
    rest: dict[str, Moments] = {}
    for level in order[MOST_LEVELS:]:
        for arm, sums in levels[level].items():
            rest[arm] = rest[arm] + sums if arm in rest else sums
    return found | {OTHERS: rest} if rest else found


def _sequence(plan: Plan, seen: Evidence) -> list[dict[str, Any]]:
    """The primary metric's interval at each kept look, by arm."""
    drawn = []
    for kept in seen.kept:
        _, contrasts, _ = from_facts(kept.facts)
        for arm, found in contrasts.items():
            if isinstance(found, Contrast):
                told = _shown(plan, found)
                drawn.append({"day": kept.day, "arm": arm, **{name: told[name] for name in ("lift", "low", "high")}})
    return drawn


def _split(split: Split | None) -> dict[str, Any] | None:
    if split is None:
        return None
    return {"p_value": split.p_value, "anytime_p_value": split.anytime_p_value, "is_alarming": split.is_alarming}


def _per(plan: Plan, seen: Evidence, metric: str) -> int:
    """How many minor units make one of the currency; 1 for what is no money."""
    return int(10 ** exponent(plan.currency)) if metric in seen.money else 1
