"""What the next invoice would say if the period closed with the usage so far. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.build import change_lines, fee_lines, usage_lines
from billing.invoices.cycle import cards_of
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.issue import quantity_reader
from billing.kernel.money import Money
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary
from billing.subscriptions.turn import turn

if TYPE_CHECKING:
    from billing.db.session import Unit


def upcoming(unit: Unit, subscription_id: str) -> Invoice | None:
    """The next invoice of a subscription as it stands: lines that wait, fees to come, usage so far; None where nothing will fall due."""
    subscription = SubscriptionStore(unit).get(subscription_id)
    if next_boundary(subscription) is None:
        return None
    scheduled = [step.version_id for step in subscription.scheduled if step.version_id is not None]
    taken = turn(subscription, CatalogStore(unit).by_ids([*subscription.version_ids, *scheduled]))
    lines = change_lines(PendingLineStore(unit).open(subscription.id, taken.at))
    if taken.fees is not None:
        lines += fee_lines(subscription.id, subscription.sequence, taken.fees, cards_of(unit, taken.after.version_ids))
    if taken.closes is not None:
        reader = quantity_reader(unit, subscription.customer_id)
        cards = cards_of(unit, subscription.version_ids)
        lines += usage_lines(subscription.id, subscription.sequence, taken.closes, cards, reader)
    zero = Money.zero(subscription.currency)
    return Invoice(
        id="upcoming",
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        sequence=subscription.sequence,
        status=InvoiceStatus.DRAFT,
        currency=subscription.currency,
        period=taken.closes,
        version_ids=subscription.version_ids,
        closes_at=taken.at,
        created_at=taken.at,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=tuple(lines),
    )
