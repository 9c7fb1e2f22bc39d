"""A shop that has lived: bought, changed, paid, refunded, credited, voided, paid ahead and come back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.invoices.credit_notes.issue import CreditRequest
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.metering.ingest import ingest
from billing.payments.credit import credit_invoice, void_invoice
from billing.payments.record import record_payment
from billing.payments.refund import prepare_refund
from billing.payments.store import PaymentStore
from billing.revenue.recognise import recognise
from billing.subscriptions.change import change
from billing.subscriptions.subscribe import subscribe
from billing.wallets.fund import grant
from tests.shop import START, delivery, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from tests.shop import Shop

NOW = START + timedelta(days=100)


@pytest.fixture
def lived(database: Database) -> Shop:
    """A shop after a hundred days."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        ann = subscribe(unit, "ann", "starter", now=START)
        bob = subscribe(unit, "bob", "pro", now=START)
        owner = CustomerStore(unit).get("bob").id
        grant(unit, owner, Money(2_000, "EUR"), paid=True, key="ahead", now=START)
        grant(unit, owner, Money(500, "EUR"), paid=False, key="gift", now=START)
    _bill(shop, 0)
    with database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", f"e{place}", START + timedelta(days=3)) for place in range(9)], now=NOW)
    _bill(shop, 35)
    with database.unit(shop.scope) as unit:
        change(unit, ann.id, "plus", now=START + timedelta(days=40))
        change(unit, bob.id, "tasting_box", now=START + timedelta(days=40))
    for day in (45, 70, 100):
        _bill(shop, day)
    _settle(shop)
    return shop


def _bill(shop: Shop, day: int) -> None:
    at = START + timedelta(days=day)
    assert not run_billing(shop.database, shop.scope, now=at).failed
    recognise(shop.database, shop.scope, until=at)


def _settle(shop: Shop) -> None:
    """The oldest open invoices: paid and given back in part, paid in part, credited in part, and the last voided."""
    with shop.database.view(shop.scope) as unit:
        found = reversed(InvoiceStore(unit).page(limit=50).items)
        due = [each for each in found if each.status is InvoiceStatus.ISSUED and each.amount_due.amount_minor > 500]
    assert len(due) >= 4
    with shop.database.unit(shop.scope) as unit:
        record_payment(unit, due[0].id, reference="cash-1", now=NOW)
        (payment,) = PaymentStore(unit).of_invoice(due[0].id)
        prepare_refund(unit, payment.id, target=Money(300, "EUR"), reason="late", now=NOW)
        record_payment(unit, due[1].id, reference="cash-2", now=NOW, amount=Money(500, "EUR"))
        credit_invoice(unit, due[2].id, CreditRequest(amount=Money(200, "EUR")), now=NOW)
        unpaid = next(each for each in due[3:] if not each.prepaid.amount_minor)
        void_invoice(unit, unpaid.id, now=NOW)
    recognise(shop.database, shop.scope, until=NOW + timedelta(days=2))
