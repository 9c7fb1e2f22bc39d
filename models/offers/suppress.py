"""What keeps an offer from being shown, in order; the first that holds is the reason that is stored.

After a dismissal the person is left alone for longer each time: 3, 7, 21, then 60 days (experiments study, section 8). For the held-out the
order goes on past `holdout`, so that what they would have seen is decided at the same point as what the others see.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from features.offers.policy import is_quiet
from models.offers import caps
from models.offers.considered import Considered, Stage
from models.offers.context import OfferKind
from models.offers.restraint import restraints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext, Shown

COOL_DOWN_DAYS: Final = (3, 7, 21, 60)
KILLED, NO_CONSENT, HOLDOUT = "killed", "no_consent", "holdout"
GRACE, QUIET, COOLING = "grace", "quiet_hours", "cooling_down"
NEGATIVES: Final = ("payment_failed", "ticket_open", "incident", "cancelling", "held_back")
ORDER: Final = (KILLED, NO_CONSENT, HOLDOUT, *NEGATIVES, GRACE, QUIET, COOLING, *caps.CODES)
_CANCELLING, _OTHER = "cancelling", "held_back"
_SAVE: Final = OfferKind.SAVE.value


def suppress(context: OfferContext, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Considered]]:
    """Those that nothing but the holdout keeps back, and the others with the reasons that hold."""
    if not candidates:
        return [], []
    passed, refused = [], []
    shown = caps.showings(context)
    person = _about_person(context, shown)
    enough = caps.offered_enough(context.policy.caps, shown, {each.target.key for each in candidates}, context.now)
    for candidate in candidates:
        codes = _codes(context, candidate, person, enough)
        if not codes or codes == (HOLDOUT,):
            passed.append(candidate)
        else:
            refused.append(Considered(candidate=candidate, stage=Stage.SUPPRESSION, reason=codes[0], also=codes[1:]))
    return passed, refused


def suppression(context: OfferContext, candidate: Candidate, *, besides: str | None = None) -> tuple[str, ...]:
    """Every reason not to show a candidate now, in order. A showing of the decision `besides` is left out of account."""
    shown = caps.showings(context)
    others = tuple(each for each in shown if each.decision != besides)
    seen = replace(context, tenant_shown=max(context.tenant_shown - (len(shown) - len(others)), 0))
    enough = caps.offered_enough(context.policy.caps, others, (candidate.target.key,), context.now)
    return _codes(seen, candidate, _about_person(seen, others), enough)


def cool_down(dismissals: int) -> timedelta:
    """How long to stay silent after so many dismissals.

    >>> cool_down(1).days, cool_down(2).days, cool_down(9).days
    (3, 7, 60)
    """
    return timedelta(days=COOL_DOWN_DAYS[min(dismissals, len(COOL_DOWN_DAYS)) - 1])


def _codes(
    context: OfferContext, candidate: Candidate, person: frozenset[str], enough: frozenset[str]
) -> tuple[str, ...]:
    found = set(person)
    if context.policy.stops(candidate.rule, candidate.target.key, context.placement):
        found.add(KILLED)
    if candidate.target.kind == _SAVE:
        found.discard(_CANCELLING)
    if candidate.target.key in enough:
        found.add(caps.OFFER)
    return tuple(code for code in ORDER if code in found) if found else ()


def _about_person(context: OfferContext, shown: Sequence[Shown]) -> frozenset[str]:
    """The reasons that do not depend on what would be offered."""
    policy, now = context.policy, context.now
    full = caps.reached_by_all(
        policy.caps,
        shown,
        placement=context.placement,
        member=context.member,
        now=now,
        tenant_shown=context.tenant_shown,
    )
    holding = {
        NO_CONSENT: context.is_left_alone or (bool(policy.consent) and policy.consent not in context.consents),
        HOLDOUT: context.is_held_out,
        GRACE: _is_new(context),
        QUIET: is_quiet(now, context.zone, policy.quiet),
        COOLING: _is_cooling_down(context),
    }
    found = {code for code, holds in holding.items() if holds}
    found |= {kind if kind in NEGATIVES else _OTHER for kind in restraints(context)}
    return frozenset(found if full is None else {*found, full})


def _is_new(context: OfferContext) -> bool:
    since = context.customer_since
    return since is not None and context.now < since + timedelta(days=context.policy.first_days)


def _is_cooling_down(context: OfferContext) -> bool:
    dismissed = [
        past.dismissed_at or past.decided_at
        for past in context.past
        if "dismiss" in past.outcomes and caps.is_same_person(past.member, context.member)
    ]
    return bool(dismissed) and context.now < max(dismissed) + cool_down(len(dismissed))
