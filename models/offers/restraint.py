"""Which things of the moment forbid selling: a failed payment, an open ticket, an incident, a cancellation under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.offers.context import Negative, OfferContext


def restraints(context: OfferContext) -> list[str]:
    """The kinds that hold now, oldest first."""
    holding = [each for each in context.negatives if _holds(each, context)]
    return list(dict.fromkeys(each.kind for each in sorted(holding, key=lambda each: (each.since, each.kind))))


def is_held_by(context: OfferContext, kind: str) -> bool:
    """Whether one kind holds now."""
    return any(each.kind == kind and _holds(each, context) for each in context.negatives)


def _holds(negative: Negative, context: OfferContext) -> bool:
    return negative.since <= context.now and (negative.until is None or context.now < negative.until)
