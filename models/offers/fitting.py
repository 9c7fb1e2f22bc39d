"""Which targets fit what was asked for: the next plan on the ladder, a longer one, or what gives a named thing."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from models.offers.context import OfferKind, gives_more, unlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.offers.context import LimitUse, OfferContext, Signal, Target

PLAN: Final = OfferKind.PLAN.value
ADDON: Final = OfferKind.ADDON.value
MOST_FITTING: Final = 4
_SELLING: Final = frozenset({PLAN, ADDON})


def for_sale(context: OfferContext) -> Iterator[Target]:
    """The plans and add-ons that are paid as often as the present plan, cheapest first."""
    days = None if context.current is None else context.current.period_days
    return (each for each in context.targets if each.kind in _SELLING and days in {None, each.period_days})


def heard(context: OfferContext, trigger: str) -> list[Signal]:
    """The signals of one trigger, strongest and then newest first, one a subject."""
    found: dict[str | None, Signal] = {}
    of_trigger = [signal for signal in context.signals if signal.trigger == trigger]
    for signal in sorted(of_trigger, key=lambda each: (-each.strength, -each.at.timestamp(), each.subject or "")):
        found.setdefault(signal.subject, signal)
    return list(found.values())


def next_plans(context: OfferContext) -> list[Target]:
    """The plan next above the present one, by rank and not by price; none from the top."""
    current = context.current
    if current is None:
        return []
    above = [target for target in for_sale(context) if target.kind == PLAN and target.rank > current.rank]
    return sorted(above, key=lambda target: (target.rank, target.key))[:1]


def longer_plans(context: OfferContext) -> list[Target]:
    """The same step of the ladder for a longer period: the shortest that is longer than the present one."""
    current = context.current
    if current is None:
        return []
    longer = [
        target
        for target in context.targets
        if target.kind == PLAN and target.rank == current.rank and target.period_days > current.period_days
    ]
    return sorted(longer, key=lambda target: (target.period_days, target.key))[:1]


def all_fits(context: OfferContext, fits: Callable[[Target], bool]) -> list[Target]:
    """The plans and add-ons that fit, cheaper first, at most `MOST_FITTING`: which of them is worth most is decided later."""
    return list(islice((target for target in for_sale(context) if fits(target)), MOST_FITTING))


def giving(context: OfferContext, subject: str) -> list[Target]:
    """What is the named thing, or gives a feature that they lack or have too little of; nothing for what they have."""
    limit = next((use for use in context.limits if use.feature == subject), None)
    if limit is None and context.current is not None and unlocks(context.current, subject):
        return []
    return all_fits(context, lambda target: target.key == subject or _gives(target, subject, limit))


def about(target: Target, subject: str | None) -> str | None:
    """The feature an offer is about: the subject, unless that is the target's own key."""
    return None if subject is None or subject == target.key else subject


def _gives(target: Target, feature: str, limit: LimitUse | None) -> bool:
    return unlocks(target, feature) if limit is None else gives_more(target, feature, limit.limit)
