"""Everything that will happen until a moment if nobody does anything: subscriptions, invoices, payments and wallets together.

Stores nothing. Of what comes again and again (a retry, a grant each month) the next is told; the one after depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.coming import Coming, coming, in_order
from billing.invoices.store import InvoiceStore
from billing.payments.collection_store import DunningStore
from billing.wallets.standing_store import StandingStore

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.db.session import Unit

MOST_PLANNED = 500


def coming_all(unit: Unit, *, until: datetime, grace: timedelta) -> list[Coming]:
    """What falls due by `until`, in order of time."""
    return sorted(
        (*coming(unit, until=until, grace=grace), *_payments(unit, until), *_wallets(unit, until)), key=in_order
    )


def _payments(unit: Unit, until: datetime) -> list[Coming]:
    planned = DunningStore(unit).planned(until, limit=MOST_PLANNED)
    invoices = {each.id: each for each in InvoiceStore(unit).read_many([dunning.invoice_id for dunning in planned])}
    steps = []
    for dunning in planned:
        invoice, at = invoices[dunning.invoice_id], dunning.next_attempt_at or dunning.gives_up_at
        if at is not None:
            steps.append(
                Coming(
                    at=at,
                    what="payment_retried" if dunning.next_attempt_at else "payment_given_up",
                    subscription_id=invoice.subscription_id or "",
                    customer_id=invoice.customer_id,
                    amount_minor=invoice.amount_due.amount_minor,
                    currency=invoice.currency,
                )
            )
    return steps


def _wallets(unit: Unit, until: datetime) -> list[Coming]:
    store = StandingStore(unit)
    found = (
        ("credits_expired", store.ending(until, limit=MOST_PLANNED)),
        ("credits_granted", store.recurring(until, limit=MOST_PLANNED)),
    )
    return [
        Coming(at=at, what=what, subscription_id="", customer_id=who, amount_minor=minor, currency=currency)
        for what, rows in found
        for at, who, minor, currency in rows
    ]
