"""What may be concluded now: masked until it is fair to look, paused when units are missing, else what the plan's design lets it say.

Explanation and verdict are one value: the sentence is made from the facts that decided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from models.experiments.inference.contrast import Contrast, NotComputable
from models.experiments.inference.corrections import holm
from models.experiments.inference.fixed import stretched, two_sided
from models.experiments.inference.guard import Better, Guarded, guard
from models.experiments.inference.planned import bounds
from models.experiments.inference.sequence import sequence
from models.experiments.inference.srm import Split, sample_ratio
from models.experiments.plan import Design

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.experiments.plan import Metric, Plan

FEWEST_EFFECTIVE = 10
"""Units of equal value that both arms together need, whatever their number, before a mean's interval holds what it promises (simulated)."""


class State(Enum):
    """Where an experiment stands."""

    MASKED = "masked"
    PAUSED = "paused"
    HARMED = "harmed"
    UNDECIDED = "undecided"
    DECIDED = "decided"
    NOTHING_FOUND = "nothing_found"


class Finding(Enum):
    """What one arm's metric did against control."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    NOT_COMPUTABLE = "not_computable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A moment at which the experiment is read: whole days since its start, and units seen by arm in the plan's order.

    `planned` is the number of the planned look whose kept figures these are (0 the first), None for any other moment.
    """

    days: int
    units: tuple[int, ...]
    planned: int | None = None

    @property
    def all_units(self) -> int:
        """In every arm together."""
        return sum(self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One arm's metric: the interval that decides, on the contrast's scale, as lift where the scale is a log-ratio."""

    arm: str
    metric: str
    finding: Finding
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state, the sentence for people, and what it rests on; figures are there only when they may be seen."""

    state: State
    sentence: str
    winner: str | None = None
    judged: tuple[Judged, ...] = ()
    guardrails: Mapping[tuple[str, str], Guarded]
    split: Split | None = None


def judge(
    plan: Plan,
    look: Look,
    contrasts: Mapping[str, Contrast | NotComputable],
    guarded: Mapping[tuple[str, str], Contrast],
) -> Verdict:
    """Judge the primary metric by arm (`contrasts`, keyed by arm) and guardrails (keyed by arm and metric)."""
    split = sample_ratio(look.units, [arm.weight for arm in plan.arms])
    kept = split if isinstance(split, Split) else None
    if kept and kept.is_alarming:
        return Verdict(state=State.PAUSED, sentence=_split_sentence(plan, look), guardrails={}, split=kept)
    watched = {
        place: guard(
            found, better=_metric(plan, place[1]).better, margin=_metric(plan, place[1]).margin, **_tuning(plan)
        )
        for place, found in guarded.items()
    }
    harmed = [place for place, state in watched.items() if state is Guarded.HARMED]
    if harmed:
        arm, metric = harmed[0]
        sentence = f"{arm} surely makes {metric} worse: stop it."
        return Verdict(state=State.HARMED, sentence=sentence, guardrails=watched, split=kept)
    masked = _masked(plan, look)
    if masked:
        return Verdict(state=State.MASKED, sentence=masked, guardrails=watched, split=kept)
    judged = _judged(plan, look, contrasts)
    state, sentence, winner = _conclusion(plan, look, judged)
    return Verdict(state=state, sentence=sentence, winner=winner, judged=judged, guardrails=watched, split=kept)


def _masked(plan: Plan, look: Look) -> str | None:
    """Why nothing is shown yet, or None."""
    if look.days < plan.fewest_days:
        return f"Results are shown after {plan.fewest_days} full days; {look.days} have passed."
    fewest = min(look.units)
    if fewest < plan.fewest_units_an_arm:
        return f"Results are shown from {plan.fewest_units_an_arm} units in every arm; the smallest has {fewest}."
    if plan.design is Design.PLANNED and look.planned is None:
        places = ", ".join(str(math.ceil(share * plan.planned_units)) for share in plan.looks)
        return f"This plan is read at {places} units and at no other moment; there are {look.all_units}."
    return None


def _judged(plan: Plan, look: Look, contrasts: Mapping[str, Contrast | NotComputable]) -> tuple[Judged, ...]:
    arms = [arm.key for arm in plan.arms[1:] if arm.key in contrasts]
    found = [_one(plan, look, arm, contrasts[arm]) for arm in arms]
    computed = [each.p_value for each in found if each.p_value is not None]
    adjusted = iter(holm(computed))
    return tuple(_settled(plan, each, next(adjusted)) if each.p_value is not None else each for each in found)


def _one(plan: Plan, look: Look, arm: str, found: Contrast | NotComputable) -> Judged:
    metric = plan.primary.key
    if isinstance(found, NotComputable):
        return Judged(arm=arm, metric=metric, finding=Finding.NOT_COMPUTABLE, why=found.reason)
    if found.effective_dof is not None and found.effective_dof < FEWEST_EFFECTIVE:
        why = "a few large values make up most of the sum: nothing can be said of a mean yet"
        return Judged(arm=arm, metric=metric, finding=Finding.NOT_COMPUTABLE, why=why)
    low, high, p_value = _interval(plan, look, found)
    return Judged(
        arm=arm,
        metric=metric,
        finding=Finding.UNDECIDED,
        effect=found.shown(found.effect),
        low=found.shown(low),
        high=found.shown(high),
        p_value=p_value,
    )


def _interval(plan: Plan, look: Look, found: Contrast) -> tuple[float, float, float]:
    if plan.design is Design.ANYTIME or look.planned is None:
        looked = sequence(found, **_tuning(plan))
        return looked.low, looked.high, looked.p_value
    return _planned(plan, look.planned, found)


def _planned(plan: Plan, number: int, found: Contrast) -> tuple[float, float, float]:
    """At a planned look; its p-value is brought to the plan's level, so that an effect at the bound has one of exactly alpha."""
    bound = bounds(plan.looks, plan.alpha)[number]
    found = stretched(found, bound)
    half = bound * found.se
    nominal = two_sided(found).p_value
    at_bound = two_sided(_at(found, bound)).p_value
    return found.effect - half, found.effect + half, min(nominal / at_bound * plan.alpha, 1.0)


def _at(found: Contrast, bound: float) -> Contrast:
    return replace(found, effect=bound * found.se)


def _settled(plan: Plan, each: Judged, adjusted: float) -> Judged:
    effect = each.effect or 0.0
    finding = Finding.UNDECIDED
    if adjusted <= plan.alpha:
        good = (effect > 0) == (plan.primary.better is Better.HIGHER)
        finding = Finding.BETTER if good else Finding.WORSE
    return replace(each, finding=finding, adjusted_p=adjusted)


def _conclusion(plan: Plan, look: Look, judged: Sequence[Judged]) -> tuple[State, str, str | None]:
    winners = [each for each in judged if each.finding is Finding.BETTER]
    sign = 1 if plan.primary.better is Better.HIGHER else -1
    if winners:
        best = max(winners, key=lambda each: sign * (each.effect or 0.0))
        return State.DECIDED, f"{best.arm} is better on {best.metric}: {_range(best)}.", best.arm
    losers = [each for each in judged if each.finding is Finding.WORSE]
    if losers and len(losers) == len(judged):
        return (
            State.DECIDED,
            f"{plan.control.key} stays: every other arm is worse on {plan.primary.key}.",
            plan.control.key,
        )
    if look.all_units >= plan.planned_units:
        return (
            State.NOTHING_FOUND,
            f"The planned {plan.planned_units} units show no difference that can be told from none.",
            None,
        )
    return (
        State.UNDECIDED,
        f"{look.all_units} of {plan.planned_units} planned units have been seen; nothing is certain yet.",
        None,
    )


def _range(each: Judged) -> str:
    return f"{each.effect:+.1%} ({each.low:+.1%} to {each.high:+.1%})" if each.effect is not None else ""


def _split_sentence(plan: Plan, look: Look) -> str:
    seen = ", ".join(f"{arm.key} {units}" for arm, units in zip(plan.arms, look.units, strict=True))
    return f"Paused: the arms do not have the units they were given ({seen}). Find what loses units before reading anything."


def _metric(plan: Plan, key: str) -> Metric:
    return next(metric for metric in plan.metrics if metric.key == key)


def _tuning(plan: Plan) -> dict[str, float]:
    return {"tuning_n": plan.planned_units, "alpha": plan.alpha}
