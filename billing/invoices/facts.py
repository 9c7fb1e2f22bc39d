"""What billing some customers needs to know besides their subscriptions, read for all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.invoices.settlement import Settlement
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice


class Facts:
    """The customers of one batch and what they have to pay with; credit taken from it is gone for the rest of the batch."""

    def __init__(self, unit: Unit, customer_ids: Iterable[str]) -> None:
        wanted = sorted(set(customer_ids))
        self.customers: dict[str, Customer] = CustomerStore(unit).by_ids(wanted)
        self._credit = _credits(unit, wanted)
        self._billed: dict[tuple[str, datetime], dict[tuple[str, str], Money]] = {}

    def read_early(self, unit: Unit, subscription_ids: Iterable[str]) -> None:
        """Read what threshold invoices billed of these subscriptions' periods."""
        ids = sorted(set(subscription_ids))
        self._billed = InvoiceStore(unit).billed_early(ids) if ids else {}

    def billed_early(self, invoice: Invoice) -> dict[tuple[str, str], Money]:
        """What threshold invoices billed of the period that an invoice closes, by version and charge."""
        if invoice.subscription_id is None or invoice.period is None:
            return {}
        return self._billed.get((invoice.subscription_id, invoice.period.start), {})

    def settlement(self, invoice: Invoice, cards: Cards) -> Settlement:
        """The coupons, limits and taxes that apply to an invoice."""
        return Settlement(plan_of=cards.plans({line.version_id for line in invoice.lines} | set(invoice.version_ids)))

    def take_credit(self, customer_id: str, most: Money) -> Money:
        """What the customer's account pays of `most`, taken off what is left in it."""
        left = self._credit.get((customer_id, most.currency), 0)
        taken = max(min(left, most.amount_minor), 0)
        if taken:
            self._credit[customer_id, most.currency] = left - taken
        return Money(taken, most.currency)


def _credits(unit: Unit, customer_ids: list[str]) -> dict[tuple[str, str], int]:
    """Positive account balances by customer and currency; their owners are locked, so that nobody else spends them meanwhile."""
    ledger = LedgerStore(unit)
    rich = sorted({customer for customer, _ in ledger.credits_of(customer_ids)})
    if not rich:
        return {}
    CustomerStore(unit).lock_many(rich)
    return ledger.credits_of(rich)
