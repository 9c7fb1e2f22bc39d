"""Usage that comes, or is corrected, after its invoice is final is billed by a line that says what it corrects."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.invoices.adjust import adjust_late
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import InvoiceKind
from billing.invoices.store import InvoiceStore
from billing.ledger.store import LedgerStore
from billing.metering.amend import amend
from billing.metering.ingest import ingest
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.invoice import Invoice

FIRST_END = START.replace(month=2, day=28)
SECOND_END = START.replace(month=3, day=31)
CLOSED = FIRST_END + timedelta(days=2)
USED_AT = START + timedelta(days=3)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ann on Starter with five deliveries in the first month, whose invoice is final: 9.00 and three at 1.50."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "starter", now=START)
    run_billing(database, shop.scope, now=START)
    adjust_late(database, shop.scope, now=START)
    _use(shop, *(f"e{number}" for number in range(5)), known_at=USED_AT)
    run_billing(database, shop.scope, now=CLOSED)
    return shop


def _use(shop: Shop, *events: str, known_at: object) -> None:
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", event, USED_AT) for event in events], now=known_at)  # type: ignore[arg-type]  # (an instant)


def _invoices(shop: Shop) -> list[Invoice]:
    with shop.database.view(shop.scope) as unit:
        assert LedgerStore(unit).balances().net("EUR").amount_minor == 0
        return sorted(InvoiceStore(unit).page(limit=50).items, key=lambda invoice: invoice.id)


def test_late_usage_is_on_the_next_invoice(shop: Shop) -> None:
    """Two more deliveries of February become known in March: 3.00, on the invoice of 31 March, naming the line it corrects."""
    _use(shop, "late1", "late2", known_at=CLOSED + timedelta(days=5))

    report = adjust_late(shop.database, shop.scope, now=CLOSED + timedelta(days=5))
    run_billing(shop.database, shop.scope, now=SECOND_END + timedelta(days=2))

    assert (report.adjusted, report.failed) == (1, [])
    corrected, invoice = _invoices(shop)[1], _invoices(shop)[2]
    line = next(line for line in invoice.lines if line.kind == "adjustment")
    assert line.amount.text == "3.00"
    assert line.document["corrects"] == {"invoice": corrected.number, "line": corrected.lines[-1].key}
    assert [step["amount"] for step in line.document["trace"]] == ["7.5", "-4.5"]


def test_looking_again_changes_nothing(shop: Shop) -> None:
    """One adjustment however often the job runs; later usage makes one more, for the difference alone."""
    for _ in range(3):
        _use(shop, "late1", known_at=CLOSED + timedelta(hours=1))
        adjust_late(shop.database, shop.scope, now=CLOSED + timedelta(hours=1))
    _use(shop, "late2", known_at=CLOSED + timedelta(hours=2))
    adjust_late(shop.database, shop.scope, now=CLOSED + timedelta(hours=2))
    run_billing(shop.database, shop.scope, now=SECOND_END + timedelta(days=2))

    adjustments = [line for line in _invoices(shop)[2].lines if line.kind == "adjustment"]
    assert [line.amount.text for line in adjustments] == ["1.50", "1.50"]


def test_a_correction_gives_back(shop: Shop) -> None:
    """One delivery turns out never to have happened: 1.50 less on the next invoice."""
    with shop.database.unit(shop.scope) as unit:
        amend(unit, "shop", "e0", {"id": "a0", "source": "shop"}, now=CLOSED + timedelta(days=1))
    adjust_late(shop.database, shop.scope, now=CLOSED + timedelta(days=1))
    run_billing(shop.database, shop.scope, now=SECOND_END + timedelta(days=2))

    adjustments = [line for line in _invoices(shop)[2].lines if line.kind == "adjustment"]
    assert [line.amount.text for line in adjustments] == ["-1.50"]


def test_usage_of_the_running_period_is_not_late(shop: Shop) -> None:
    """What is on time, or still within grace, is billed with its period and nothing else."""
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", "march", CLOSED + timedelta(days=1))], now=CLOSED + timedelta(days=1))

    assert adjust_late(shop.database, shop.scope, now=CLOSED + timedelta(days=1)).adjusted == 0


def test_late_usage_of_what_has_ended_is_invoiced_at_once(shop: Shop) -> None:
    """No further invoice would carry it: one of its own does, for 1.50."""
    with shop.database.unit(shop.scope) as unit:
        (subscription,) = [invoice.subscription_id for invoice in InvoiceStore(unit).page(limit=1).items]
        cancel_at_period_end(unit, subscription or "", now=CLOSED)
    run_billing(shop.database, shop.scope, now=SECOND_END + timedelta(days=2))

    _use(shop, "late1", known_at=SECOND_END + timedelta(days=3))
    adjust_late(shop.database, shop.scope, now=SECOND_END + timedelta(days=3))

    last = _invoices(shop)[-1]
    assert (last.kind, last.total.text, last.number is not None) == (InvoiceKind.ONE_OFF, "1.50", True)
