"""Which plan or add-on comes next: candidates along the declared graph, masked by what is owned, ordered by how close use is to its limits.

The graph is what the catalogue and the shop declare: an add-on `requires` plans; a plan leads to those of higher rank in its family, or to
exactly what it `upgrades_to`; what `excludes` something owned is out. A candidate's pressure is the largest use ratio among the limits it
raises, and its score falls with price only among equals. Nothing here queries; amounts are integer minor units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.recommender.recommendation import Reason, ScoredItem

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOSE_TO_LIMIT = "close_to_limit"
UNLOCKS = "unlocks"
NEXT_IN_LINE = "next_in_line"
_DENIAL_COUNTS = 0.25  # of a limit, for each refusal of something that the step unlocks
_MOST_DENIALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something one can move to or add: what it gives (a number, None for no limit, True for a switch), its rank and price a period."""

    key: str
    kind: str
    rank: int
    recurring_minor: int
    gives: Mapping[str, bool | int | None]
    requires: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()
    upgrades_to: frozenset[str] = frozenset()
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a customer stands: the plan, everything owned, limits (feature to used and limit), switches held, and refusals lately."""

    plan: str | None
    owned: frozenset[str]
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    denials: Mapping[str, int] = field(default_factory=dict)


def next_steps(
    steps: Mapping[str, Step], standing: Standing, *, k: int, blocked: frozenset[str] = frozenset()
) -> tuple[ScoredItem, ...]:
    """Up to k steps the customer may take, most pressing first; ties go to the cheaper one, then by key.

    Deliveries at 9 of 10 press for the plan that gives more of them:

    >>> plans = {"s": Step(key="s", kind="plan", rank=1, recurring_minor=900, gives={"d": 10}),
    ...     "p": Step(key="p", kind="plan", rank=2, recurring_minor=1900, gives={"d": 50})}
    >>> found = next_steps(plans, Standing(plan="s", owned=frozenset({"s"}), limits={"d": (9, 10)}), k=3)
    >>> [(one.item, one.score, one.reasons[0].kind, one.reasons[0].item) for one in found]
    [('p', 0.9, 'close_to_limit', 'd')]
    """
    reachable = [step for step in steps.values() if may_take(step, steps, standing) and step.key not in blocked]
    scored = [(pressure(step, standing), step) for step in reachable]
    scored.sort(key=lambda pair: (-pair[0][0], pair[1].recurring_minor, pair[1].key))
    return tuple(ScoredItem(step.key, score, reasons) for (score, reasons), step in scored[:k])


def may_take(step: Step, steps: Mapping[str, Step], standing: Standing) -> bool:
    """Whether the declared graph leads there: not owned, not excluded either way, and required or reached from what is owned."""
    if standing.plan is None or step.key in standing.owned or step.excludes & standing.owned:
        return False
    if any(step.key in steps[one].excludes for one in standing.owned if one in steps):
        return False
    if step.kind == "addon":
        return not step.requires or bool(step.requires & standing.owned)
    current = steps.get(standing.plan)
    if current is None:
        return False
    if current.upgrades_to:
        return step.key in current.upgrades_to
    return step.rank > current.rank and step.family == current.family


def pressure(step: Step, standing: Standing) -> tuple[float, tuple[Reason, ...]]:
    """How strongly use asks for the step, and the features that do, strongest first; 0 where nothing does."""
    parts = [
        (_asks(step, feature, given, standing), CLOSE_TO_LIMIT if feature in standing.limits else UNLOCKS, feature)
        for feature, given in step.gives.items()
    ]
    asking = sorted((part for part in parts if part[0] > 0), key=lambda part: (-part[0], part[2]))
    if not asking:
        return 0.0, (Reason(NEXT_IN_LINE, None, 1.0),)
    total = sum(part[0] for part in asking)
    return asking[0][0], tuple(Reason(kind, feature, amount / total) for amount, kind, feature in asking[:3])


def _asks(step: Step, feature: str, given: bool | int | None, standing: Standing) -> float:  # noqa: FBT001 (a grant is a switch or a number)
    """The use ratio of a limit that the step raises, or how often a switch it turns on was refused."""
    if feature in standing.limits:
        used, limit = standing.limits[feature]
        more = 0 if step.kind == "addon" else limit  # an add-on's units come on top
        raises = given is None or (not isinstance(given, bool) and given > more)
        return (used / limit if limit else 1.0) if raises else 0.0
    if given is False or feature in standing.held:
        return 0.0
    return min(standing.denials.get(feature, 0), _MOST_DENIALS) * _DENIAL_COUNTS
