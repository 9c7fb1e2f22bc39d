"""What the next invoice would say if the period closed with the usage so far. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.build import change_lines, fee_lines, usage_lines
from billing.invoices.cycle import cards_of
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.issue import quantity_reader
from billing.kernel.money import Money
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore, next_boundary

if TYPE_CHECKING:
    from billing.db.session import Unit


def upcoming(unit: Unit, subscription_id: str) -> Invoice:
    """The next invoice of a subscription as it stands: lines that wait, fees to come, usage so far."""
    subscription = SubscriptionStore(unit).get(subscription_id)
    number, boundary = subscription.billed_periods, next_boundary(subscription)
    cards = cards_of(unit, subscription.version_ids)
    lines = change_lines(PendingLineStore(unit).open(subscription.id, boundary))
    if subscription.ends_at is None or boundary < subscription.ends_at:
        lines += fee_lines(subscription.id, number, subscription.cadence.period(number), cards)
    closing = subscription.cadence.period(number - 1) if number else None
    if closing is not None:
        reader = quantity_reader(unit, subscription.customer_id)
        lines += usage_lines(subscription.id, number - 1, closing, cards, reader)
    return Invoice(
        id="upcoming",
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        sequence=number,
        status=InvoiceStatus.DRAFT,
        currency=subscription.currency,
        period=closing,
        version_ids=subscription.version_ids,
        closes_at=boundary,
        created_at=boundary,
        credit=Money.zero(subscription.currency),
        lines=tuple(lines),
    )
