"""Writing a step of a subscription's history, with the monthly value it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.store import CatalogStore
from billing.subscriptions.fees import monthly_minor
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.subscription import StateChange, Status
from billing.subscriptions.turn import REPRICED, in_trial

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription

_PAYS_NOTHING = {Status.TRIALING, Status.PAUSED, Status.ENDED}


def record(unit: Unit, subscription: Subscription, kind: str, *, at: datetime, reason: str = "") -> None:
    """Add a step to the history and tell the outside world.

    Steps are started, activated (a trial is over), changed, repriced (a phase is over, or what its prices depend on changed), scheduled,
    unscheduled, cancelled, uncancelled, paused, resumed and ended. A repricing raises no revision, so it is told by its instant.
    The end has the reason of the cancelling that led to it.
    """
    versions = CatalogStore(unit).by_ids(subscription.version_ids)
    pays_nothing = subscription.status in _PAYS_NOTHING or subscription.paused_at is not None
    free = pays_nothing or in_trial(subscription, at)
    monthly = 0 if free else monthly_minor(subscription, versions)
    history = HistoryStore(unit)
    history.record(
        StateChange(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            kind=kind,
            plan_key=subscription.plan_key,
            plan_rank=versions[subscription.version_id].rank,
            mrr_minor=monthly,
            at=at,
            received_at=at,
            reason=history.reason_of_cancelling(subscription.id) if kind == "ended" else reason,
        )
    )
    payload: dict[str, Any] = {"subscription": subscription.id, "plan": subscription.plan_key}
    told = at.isoformat() if kind == REPRICED else subscription.revision
    if kind == REPRICED:
        payload = {**payload, "facts": subscription.facts.to_document()}
    unit.emit(f"subscription.{kind}", f"{subscription.id}:{told}", payload, at)
