"""Many threads at one thing on every engine: usage counts once, a boundary is billed once, numbers have no gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.invoices.cycle import run_billing
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError
from billing.kernel.period import Period
from billing.ledger.store import LedgerStore
from billing.metering.ingest import Receipt, ingest
from billing.metering.store import EventStore
from billing.payments.record import record_payment
from billing.subscriptions.change import QuoteExpiredError, accept_quote, quote_change
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import AlreadySubscribedError
from tests.shop import START, Shop, delivery, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.invoice import Invoice

THREADS = 4
CUSTOMERS = ("ann", "bob", "cleo", "dan", "eve", "fay")
LATER = START + timedelta(days=75)
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with six customers."""
    return open_shop(database, customers=CUSTOMERS)


def _invoices(shop: Shop) -> list[Invoice]:
    with shop.database.view(shop.scope) as unit:
        return list(InvoiceStore(unit).page(limit=100).items)


def _books_balance(shop: Shop) -> bool:
    with shop.database.view(shop.scope) as unit:
        found = LedgerStore(unit).balances()
        return all(found.net(currency).amount_minor == 0 for currency in found.currencies())


def test_the_same_batch_sent_by_several_threads_counts_once(shop: Shop) -> None:
    """Every sender is acknowledged, each event is accepted by one of them, and the others are told of duplicates."""
    batch = [delivery("ann", str(number)) for number in range(50)]

    def send(number: int) -> Receipt:
        turned = batch[number * 10 :] + batch[: number * 10]
        with shop.database.unit(shop.scope) as unit:
            return ingest(unit, turned, now=START)

    receipts = together(THREADS, send)

    answered = [receipt for receipt in receipts if isinstance(receipt, Receipt)]
    assert len(answered) == THREADS, receipts
    assert sum(receipt.accepted for receipt in answered) == len(batch)
    assert all(receipt.accepted + receipt.duplicates == len(batch) for receipt in answered)
    with shop.database.view(shop.scope) as unit:
        assert list(EventStore(unit).counts("delivery", Period(START, LATER)).values()) == [len(batch)]


def test_overlapping_batches_in_any_order_count_once(shop: Shop) -> None:
    """Two senders whose batches share events in opposite order both get an answer."""
    batch = [delivery("ann", str(number)) for number in range(2000)]

    def send(number: int) -> Receipt:
        with shop.database.unit(shop.scope) as unit:
            return ingest(unit, batch if number % 2 else batch[::-1], now=START)

    receipts = together(THREADS, send)

    answered = [receipt for receipt in receipts if isinstance(receipt, Receipt)]
    assert len(answered) == THREADS, receipts
    assert sum(receipt.accepted for receipt in answered) == len(batch)


def test_billing_runs_side_by_side_bill_each_boundary_once(shop: Shop) -> None:
    """Four runs over six subscriptions: one invoice a boundary, no run fails, and the numbers are 1 to n without a gap."""
    with shop.database.unit(shop.scope) as unit:
        for customer in CUSTOMERS:
            subscribe(unit, customer, "starter", now=START)

    reports = together(THREADS, lambda _: run_billing(shop.database, shop.scope, now=LATER))

    assert [report for report in reports if isinstance(report, Exception)] == []
    run_billing(shop.database, shop.scope, now=LATER)
    invoices = _invoices(shop)
    assert len({(invoice.subscription_id, invoice.sequence) for invoice in invoices}) == len(invoices) == 18
    assert {invoice.status for invoice in invoices} == {InvoiceStatus.ISSUED}
    expected = [f"INV-{number:06d}" for number in range(1, len(invoices) + 1)]
    assert sorted(str(invoice.number) for invoice in invoices) == expected
    assert _books_balance(shop)


def test_a_refused_unit_leaves_no_gap_in_the_numbers(shop: Shop) -> None:
    """A number that was taken by a unit that failed is given again."""
    with pytest.raises(KeyError), shop.database.unit(shop.scope) as unit:
        _take_and_fail(InvoiceStore(unit))

    def take(_: int) -> int:
        with shop.database.unit(shop.scope) as unit:
            return InvoiceStore(unit).next_number("INV")

    assert sorted(map(str, together(THREADS, take))) == ["1", "2", "3", "4"]


def _take_and_fail(store: InvoiceStore) -> None:
    assert store.next_number("INV") == 1
    raise KeyError


def test_a_customer_who_subscribes_twice_at_once_has_one_subscription(shop: Shop) -> None:
    """One thread succeeds; the others are told which subscription there is, or of a conflict."""

    def start(_: int) -> str:
        with shop.database.unit(shop.scope) as unit:
            return subscribe(unit, "ann", "starter", now=START).id

    answers = together(THREADS, start)

    assert len([answer for answer in answers if isinstance(answer, str)]) == 1, answers
    assert all(isinstance(answer, str | AlreadySubscribedError | ConflictError) for answer in answers)
    with shop.database.view(shop.scope) as unit:
        assert len(SubscriptionStore(unit).page(limit=10).items) == 1


def test_a_quote_accepted_twice_at_once_is_taken_once(shop: Shop) -> None:
    """The second acceptance finds it taken, and its lines wait for the invoice once."""
    with shop.database.unit(shop.scope) as unit:
        started = subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START)
    with shop.database.unit(shop.scope) as unit:
        quote = quote_change(unit, started.id, "plus", now=START, life=HOUR)

    def accept(_: int) -> int:
        with shop.database.unit(shop.scope) as unit:
            return accept_quote(unit, quote.id, now=START).total.amount_minor

    answers = together(THREADS, accept)

    assert [answer for answer in answers if isinstance(answer, int)] == [quote.total.amount_minor], answers
    refused = [answer for answer in answers if not isinstance(answer, int)]
    assert all(isinstance(answer, QuoteExpiredError | ConflictError) for answer in refused), answers
    with shop.database.view(shop.scope) as unit:
        assert SubscriptionStore(unit).get(started.id).revision == started.revision + 1


def test_a_payment_reported_by_several_threads_is_booked_once(shop: Shop) -> None:
    """The same reference answers the same, or conflicts; the books show the money once."""
    with shop.database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START)
    (invoice,) = _invoices(shop)

    def pay(_: int) -> InvoiceStatus:
        with shop.database.unit(shop.scope) as unit:
            return record_payment(unit, invoice.id, reference="bank-1", now=START).status

    answers = together(THREADS, pay)

    assert all(answer is InvoiceStatus.PAID or isinstance(answer, ConflictError) for answer in answers), answers
    assert InvoiceStatus.PAID in answers
    (paid,) = _invoices(shop)
    assert replace(paid, paid_at=None).status is InvoiceStatus.PAID
    with shop.database.view(shop.scope) as unit:
        facts = [fact.key for fact in LedgerStore(unit).transactions()]
    assert len([key for key in facts if "pay" in key]) == 1, facts
    assert _books_balance(shop)
