"""What will happen to subscriptions and drafts until a moment if nobody does anything: the billing run's own steps, taken on paper.

Stores nothing. Fees are known beforehand and stated; usage is not, and an invoice that will rate some says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.invoices.cards import Cards
from billing.invoices.draft import drafted
from billing.invoices.store import InvoiceStore
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary
from billing.subscriptions.turn import turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice
    from billing.subscriptions.subscription import PendingLine, Subscription

MOST_SUBSCRIPTIONS = 1_000
MOST_STEPS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One thing that will happen: `amount` is what is known of an invoice by now, and `usage` whether usage will come on top."""

    at: datetime
    what: str
    subscription_id: str
    customer_id: str
    amount_minor: int | None = None
    currency: str | None = None
    usage: bool = False


def coming(unit: Unit, *, until: datetime, grace: timedelta) -> list[Coming]:
    """What falls due by `until`, in order of time: of at most 1,000 subscriptions, those that are due first."""
    found = SubscriptionStore(unit).due_first(until, limit=MOST_SUBSCRIPTIONS)
    cards = Cards()
    cards.load(unit, (version for each in found for version in _versions(each)))
    waiting = PendingLineStore(unit).open_of([each.id for each in found], until)
    lives = [list(_life(each, waiting.get(each.id, []), cards, until, grace)) for each in found]
    drafts = [
        _of(draft, "invoice_issued", draft.closes_at)
        for draft in InvoiceStore(unit).drafts(until, limit=MOST_SUBSCRIPTIONS)
    ]
    return sorted((step for life in (*lives, drafts) for step in life), key=in_order)


def in_order(step: Coming) -> tuple[datetime, str, str]:
    """The order of a list of what will happen: by time, then by subscription."""
    return step.at, step.subscription_id, step.what


def _life(
    subscription: Subscription, waiting: Sequence[PendingLine], cards: Cards, until: datetime, grace: timedelta
) -> Iterator[Coming]:
    left = list(waiting)
    steps: list[Coming] = []
    for _ in range(MOST_STEPS):
        boundary = next_boundary(subscription)
        if boundary is None or boundary > until:
            break
        taken = turn(subscription, cards.versions)
        draft = drafted(taken, left, cards, grace)
        left = [line for line in left if line.created_at > taken.at]
        steps += [_told(subscription, told, taken.at) for told in taken.told]
        if draft is not None:
            steps.append(_of(draft, "invoice_drafted", taken.at))
            steps.append(_of(draft, "invoice_issued", draft.closes_at))
        subscription = replace(taken.after, sequence=taken.after.sequence + (draft is not None))
    yield from (step for step in steps if step.at <= until)


def _told(subscription: Subscription, told: str, at: datetime) -> Coming:
    return Coming(
        at=at,
        what=f"subscription_{told}",
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
    )


def _of(draft: Invoice, what: str, at: datetime) -> Coming:
    return Coming(
        at=at,
        what=what,
        subscription_id=draft.subscription_id or "",
        customer_id=draft.customer_id,
        amount_minor=draft.total.amount_minor,
        currency=draft.currency,
        usage=draft.closes_at > draft.created_at,
    )


def _versions(subscription: Subscription) -> list[str]:
    scheduled = [step.version_id for step in subscription.scheduled if step.version_id is not None]
    return [*subscription.version_ids, *scheduled]
