"""An open offer is shown again rather than replaced: two tabs see the same offer at the same price.

Having been shown it is no reason to hide it; anything else is, such as a dismissal elsewhere or a kill switch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.offers import caps
from models.offers.context import Candidate
from models.offers.eligible import unfit
from models.offers.suppress import suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext, PastDecision
    from models.offers.rules.contract import OfferRule

_CLOSING = frozenset({"dismiss", "accept"})


def reopened(context: OfferContext, rules: Sequence[OfferRule]) -> PastDecision | None:
    """The newest open offer of this placement and person, if nothing speaks against showing it now."""
    past = _open_decision(context)
    if past is None or (context.opted_out and past.rule not in {rule.key for rule in rules if not rule.is_personal}):
        return None
    target = next(each for each in context.targets if each.key == past.target)
    candidate = Candidate(rule=past.rule or "", target=target, unlocks=None, message="", strength=0.0)
    if unfit(context, target) is not None or suppression(context, candidate, besides=past.id):
        return None
    return past


def _open_decision(context: OfferContext) -> PastDecision | None:
    offered = {target.key for target in context.targets}
    still_open = [
        past
        for past in context.past
        if past.target in offered
        and past.placement == context.placement
        and not past.is_counterfactual
        and past.expires_at is not None
        and context.now < past.expires_at
        and not past.outcomes & _CLOSING
        and caps.is_same_person(past.member, context.member)
    ]
    return max(still_open, key=lambda past: (past.decided_at, past.id), default=None)
