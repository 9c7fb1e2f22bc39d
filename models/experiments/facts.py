"""What a verdict rested on, as a document that is kept with it: judging the kept facts again gives the same verdict and sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.experiments.inference.contrast import Contrast, NotComputable, Scale
from models.experiments.verdict import Look, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.experiments.plan import Plan
    from models.experiments.verdict import Verdict

Contrasts = dict[str, "Contrast | NotComputable"]
Guarded = dict[tuple[str, str], Contrast]


def to_facts(
    look: Look, contrasts: Mapping[str, Contrast | NotComputable], guarded: Mapping[tuple[str, str], Contrast]
) -> dict[str, Any]:
    """Everything that `judge` looks at but the plan."""
    return {
        "look": {"days": look.days, "units": list(look.units), "planned": look.planned},
        "contrasts": {arm: _out(found) for arm, found in contrasts.items()},
        "guarded": [{"arm": arm, "metric": metric, **_out(found)} for (arm, metric), found in guarded.items()],
    }


def from_facts(facts: Mapping[str, Any]) -> tuple[Look, Contrasts, Guarded]:
    """The same again."""
    look = facts["look"]
    guarded: Guarded = {}
    for each in facts["guarded"]:
        found = _in(each)
        if isinstance(found, Contrast):
            guarded[each["arm"], each["metric"]] = found
    seen = Look(days=look["days"], units=tuple(look["units"]), planned=look["planned"])
    return seen, {arm: _in(found) for arm, found in facts["contrasts"].items()}, guarded


def judge_again(plan: Plan, facts: Mapping[str, Any]) -> Verdict:
    """The verdict that kept facts lead to under a plan."""
    return judge(plan, *from_facts(facts))


def _out(found: Contrast | NotComputable) -> dict[str, Any]:
    if isinstance(found, NotComputable):
        return {"reason": found.reason}
    return {"scale": found.scale.value, "effect": found.effect, "se": found.se, "dof": found.dof, "n": found.n}


def _in(document: Mapping[str, Any]) -> Contrast | NotComputable:
    if "reason" in document:
        return NotComputable(document["reason"])
    return Contrast(
        scale=Scale(document["scale"]),
        effect=document["effect"],
        se=document["se"],
        dof=document["dof"],
        n=document["n"],
    )
