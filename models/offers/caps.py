"""How often offers were shown, and whether one more would be too often. One function decides it, wherever it is asked.

Reservations that hold and impressions count alike, and counterfactual ones as if they had been shown. A showing without a member may have
been to anybody, so it counts for everybody.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from models.offers.context import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from features.offers.policy import Cap, Caps
    from models.offers.context import OfferContext, PastDecision

OFFER: Final = "cap_offer"
PLACEMENT: Final = "cap_placement"
PERSON: Final = "cap_person"
CUSTOMER: Final = "cap_customer"
TENANT: Final = "cap_tenant"
CODES: Final = (OFFER, PLACEMENT, PERSON, CUSTOMER, TENANT)


def reached(
    caps: Caps,
    shown: Sequence[Shown],
    *,
    target: str,
    placement: str,
    member: str | None,
    now: datetime,
    tenant_shown: int = 0,
) -> str | None:
    """The code of the first cap that one more showing would exceed, or None. `tenant_shown` is counted in the tenant cap's own window."""
    if offered_enough(caps, shown, (target,), now):
        return OFFER
    return reached_by_all(caps, shown, placement=placement, member=member, now=now, tenant_shown=tenant_shown)


def offered_enough(caps: Caps, shown: Sequence[Shown], targets: Iterable[str], now: datetime) -> frozenset[str]:
    """Those of the targets that were shown to this customer as often as they may be."""
    if caps.offer is None:
        return frozenset()
    since, most = now - caps.offer.window, caps.offer.most
    times = Counter(each.target for each in shown if since < each.at)
    return frozenset(target for target in targets if times[target] >= most)


def reached_by_all(
    caps: Caps, shown: Sequence[Shown], *, placement: str, member: str | None, now: datetime, tenant_shown: int = 0
) -> str | None:
    """The first cap that any one more showing would exceed, whatever is shown."""
    if _is_full(caps.placement, (each.at for each in shown if each.placement == placement), now):
        return PLACEMENT
    if _is_full(caps.person, (each.at for each in shown if is_same_person(each.member, member)), now):
        return PERSON
    if _is_full(caps.customer, (each.at for each in shown), now):
        return CUSTOMER
    if caps.tenant is not None and tenant_shown >= caps.tenant.most:
        return TENANT
    return None


def is_same_person(one: str | None, other: str | None) -> bool:
    """Whether two showings may have been to one person: who is not named may be anybody."""
    return one is None or other is None or one == other


def showings(context: OfferContext) -> tuple[Shown, ...]:
    """Everything that counts: what the context says was shown, and past decisions with an impression or that are counterfactual."""
    known = {each.decision for each in context.shown}
    return (*context.shown, *(_shown(past) for past in context.past if past.id not in known and _counts(past)))


def _counts(past: PastDecision) -> bool:
    return past.target is not None and (past.is_counterfactual or "impression" in past.outcomes)


def _shown(past: PastDecision) -> Shown:
    return Shown(
        decision=past.id,
        target=past.target or "",
        placement=past.placement,
        member=past.member,
        at=past.decided_at,
        confirmed=True,
    )


def _is_full(cap: Cap | None, moments: Iterable[datetime], now: datetime) -> bool:
    if cap is None:
        return False
    since = now - cap.window
    return sum(1 for at in moments if since < at) >= cap.most
