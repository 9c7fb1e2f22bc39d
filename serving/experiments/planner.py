"""How long an experiment takes, or what it can find in the time there is: the question to ask before one is started. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from features.experiments.experiment import BadExperimentError
from models.experiments.inference.power import Aim, days_needed, least_lift_of_rate, units_for_means, units_for_rates

SEQUENCE_COST = 1.549
"""An interval that may be read daily is at least so many times as wide as a fixed one, where it is tightest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A relative `lift` of a rate or mean that is to be found, or the `weeks` there are.

    `explained` is the share of the variance that the past explains.
    """

    kind: str
    baseline: float
    sd: float | None = None
    lift: float | None = None
    arms: int = 2
    units_a_week: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    explained: float = 0.0
    weeks: int | None = None


def planned(wish: Wish) -> dict[str, Any]:
    """Units an arm and weeks for a lift, and the least lift for weeks; for a planned look, and for one that is read daily.

    Raises BadExperimentError for a wish that lacks what its question needs.
    """
    if wish.kind == "rate" and wish.baseline >= 1:
        raise BadExperimentError("a rate lies below 1")
    if wish.kind == "mean" and wish.sd is None:
        raise BadExperimentError("a mean needs its standard deviation, sd")
    if wish.lift is None and (wish.weeks is None or wish.units_a_week is None):
        raise BadExperimentError("say which lift is to be found, or how many weeks and units a week there are")
    found: dict[str, Any] = {}
    if wish.lift is not None:
        found["planned"] = _needed(wish, _units(wish, wish.lift))
        found["anytime"] = _needed(wish, _units(wish, wish.lift) * SEQUENCE_COST**2)
        found["planned_units"] = found["planned"]["units_an_arm"] * wish.arms
    if wish.weeks is not None and wish.units_a_week is not None:
        units = wish.weeks * wish.units_a_week / wish.arms
        found["least_lift"] = {
            "planned": _least(wish, units),
            "anytime": _least(wish, units / SEQUENCE_COST**2),
            "units_an_arm": math.floor(units),
        }
    return found


def _units(wish: Wish, lift: float) -> float:
    """Units an arm; every arm but the control is a test, so the error is shared among them."""
    aim = Aim(alpha=wish.alpha / (wish.arms - 1), power=wish.power)
    if wish.kind == "rate":
        if wish.baseline * (1 + lift) >= 1:
            raise BadExperimentError("the rate would rise above 1", lift=lift)
        return units_for_rates(wish.baseline, lift, aim)
    return units_for_means(wish.baseline, wish.sd or 0.0, lift, aim, explained=wish.explained)


def _least(wish: Wish, units: float) -> float | None:
    if units < 2:
        return None
    aim = Aim(alpha=wish.alpha / (wish.arms - 1), power=wish.power)
    if wish.kind == "rate":
        return least_lift_of_rate(wish.baseline, units, aim)
    spread = (wish.sd or 0.0) * math.sqrt(2 * (1 - wish.explained) / units)
    return aim.reach * spread / wish.baseline


def _needed(wish: Wish, units: float) -> dict[str, Any]:
    whole = math.ceil(units)
    told: dict[str, Any] = {"units_an_arm": whole, "units": whole * wish.arms}
    if wish.units_a_week is not None:
        told["weeks"] = days_needed(whole, wish.arms, wish.units_a_week / 7) // 7
    return told
