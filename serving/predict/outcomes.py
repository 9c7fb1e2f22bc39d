"""What came of a decision: kept once a kind, and what it means for the caps, the subscription and the signals, in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.offers.store import OfferPolicyStore
from features.signals.store import SignalStore
from models.offers import caps
from serving.predict.acceptance import OfferGoneError, accept_offer
from serving.predict.asking import shown_of

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from features.decisions.decision import Decision, Showing
    from features.offers.policy import OfferPolicy

OUTCOMES: Final = ("impression", "click", "dismiss", "accept")
LATE: Final = "late_impression"
"""Told longer after the offer was served than it kept its place, when others had taken it: not to be shown, and counts for no cap."""


def record_outcome(
    unit: Unit, decision_id: str, kind: str, *, customer_id: str | None, now: datetime
) -> dict[str, Any]:
    """Keep what came of a decision; `customer_id` is whom the asker may speak for, None for anybody.

    An impression confirms the offer's place under the caps. Told later than a minute after the offer was served it takes a new one; where
    there is none left the answer says `late`, and the offer is not to be shown. Accepting changes the subscription at the quoted price.
    """
    decision = DecisionStore(unit).get(decision_id)
    if customer_id is not None and decision.customer_id != customer_id:
        raise OfferGoneError("this decision was made for another customer", decision=decision_id)
    policy, showings = OfferPolicyStore(unit).get(), ShowingStore(unit)
    showings.lock([decision.customer_id], everybody=policy.caps.tenant is not None)
    decision = DecisionStore(unit).get(decision_id)  # what came of it may have been told while the lock was waited for
    answer: dict[str, Any] = {"decision_id": decision_id, "kind": kind, "recorded": True}
    if kind in decision.outcomes:
        return {**answer, "recorded": False}
    showing = showings.get(decision_id)
    may_count = showing is None or _has_place(unit, policy, showing, now)
    if kind == "impression" and not may_count:
        DecisionStore(unit).record_outcome(decision_id, LATE, now)
        return {**answer, "recorded": False, "late": True}
    if kind == "accept":
        answer |= accept_offer(unit, decision, showing, now=now).document()
        _answer_signals(unit, decision, now)
    DecisionStore(unit).record_outcome(decision_id, kind, now)
    if showing is not None and may_count:
        showings.confirm(decision_id, now)
    return answer


def _has_place(unit: Unit, policy: OfferPolicy, showing: Showing, now: datetime) -> bool:
    """Whether an offer has its place under the caps still, or could take one now."""
    if showing.counts_at(now):
        return True
    since = now - longest_window(policy)
    mine = ShowingStore(unit).of_customers([showing.customer_id], since).get(showing.customer_id, [])
    tenant = policy.caps.tenant
    full = caps.reached(
        policy.caps,
        [shown_of(each) for each in mine if each.counts_at(now)],
        target=showing.target,
        placement=showing.placement,
        member=showing.member,
        now=now,
        tenant_shown=0 if tenant is None else ShowingStore(unit).count_all(now - tenant.window, now),
    )
    return full is None


def longest_window(policy: OfferPolicy) -> timedelta:
    """How far back the widest cap looks; nothing without caps."""
    each = (policy.caps.person, policy.caps.customer, policy.caps.offer, policy.caps.placement, policy.caps.tenant)
    return max((cap.window for cap in each if cap is not None), default=timedelta(0))


def _answer_signals(unit: Unit, decision: Decision, now: datetime) -> None:
    """What the offer answered counts no more."""
    answers = decision.trace.get("answers")
    if answers:
        SignalStore(unit).answer(decision.customer_id, answers["trigger"], answers["subject"], decision.id, now)
