"""The decision: candidates by rule, then suppression, then the choice, with a trace of every step.

An open offer is shown again rather than replaced: two tabs see the same offer at the same price. Having been shown it is no reason to hide
it; a dismissal elsewhere is. Held-out customers get no offer, and the trace keeps what they would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.offers.registry import RULES
from models.offers.suppress import PROMPTED, suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext, PastDecision
    from models.offers.rules.contract import OfferRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to do: show `candidate`, show the open decision `repeat` again, or neither, and why."""

    candidate: Candidate | None
    repeat: PastDecision | None
    reason: str
    trace: dict[str, Any]


def decide(context: OfferContext, rules: Sequence[OfferRule] = RULES) -> Choice:
    """The best thing to do for this customer now."""
    candidates = _candidates(context, rules)
    trace: dict[str, Any] = {
        "candidates": [_shown(candidate) for candidate in candidates],
        "targets": [target.key for target in context.targets],
        "propensity": context.propensity,
        "churn_risk": context.churn_risk,
    }
    reopened, reason = _open_decision(context), suppression(context)
    if reopened is not None and reason in {None, PROMPTED}:
        return Choice(candidate=None, repeat=reopened, reason="open_offer", trace=trace)
    if reason is not None:
        trace["suppressed"] = reason
        trace["would_have_shown"] = _shown(candidates[0]) if candidates else None
        return Choice(candidate=None, repeat=None, reason=reason, trace=trace)
    if not candidates:
        return Choice(candidate=None, repeat=None, reason="nothing_to_offer", trace=trace)
    return Choice(candidate=candidates[0], repeat=None, reason=candidates[0].rule, trace=trace)


def _candidates(context: OfferContext, rules: Sequence[OfferRule]) -> list[Candidate]:
    ordered = sorted(rules, key=lambda rule: (rule.priority, rule.key))
    return [
        candidate
        for rule in ordered
        for candidate in sorted(rule.propose(context), key=lambda c: (-c.strength, c.target.key))
    ]


def _open_decision(context: OfferContext) -> PastDecision | None:
    offered = {target.key for target in context.targets}
    still_open = [
        past
        for past in context.past
        if past.target in offered
        and past.placement == context.placement
        and past.expires_at is not None
        and context.now < past.expires_at
        and not past.outcomes & {"dismiss", "accept"}
    ]
    return max(still_open, key=lambda past: (past.decided_at, past.id), default=None)


def _shown(candidate: Candidate) -> dict[str, Any]:
    return {"rule": candidate.rule, "target": candidate.target.key, "unlocks": candidate.unlocks}
