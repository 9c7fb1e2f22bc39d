"""Progressive billing: a period billed in parts comes to what one invoice would have said, and alerts are told once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.db.outbox import waiting_facts
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import InvoiceKind
from billing.invoices.store import InvoiceStore
from billing.invoices.thresholds import bill_thresholds
from billing.ledger.store import LedgerStore
from billing.metering.ingest import ingest
from billing.pricing.ratecard import meter_of
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, delivery, fee, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.invoice import Invoice

GRACE = timedelta(days=1)
END = START.replace(month=2, day=28)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ann on a plan of 10.00 and 0.50 a delivery, billed when usage reaches 5.00 and 20.00; an alert at 3.00."""
    shop = open_shop(database)
    usage = {
        "key": "deliveries",
        "name": "Deliveries",
        "meter": "deliveries",
        "price": {"model": "per_unit", "unit_price": "0.50"},
    }
    draft = Draft(
        key="steps",
        name="Steps",
        kind=PlanKind.PLAN,
        rank=3,
        currency="EUR",
        interval="month",
        charges=[fee("Steps", "10.00"), usage],
        grants=[],
        terms={"thresholds": ["5", "20"], "alerts": ["3"]},
    )
    with database.unit(shop.scope) as unit:
        publish(unit, draft, read_charge=meter_of, now=START)
        subscribe(unit, "ann", "steps", now=START)
    run_billing(database, shop.scope, now=START, grace=GRACE)
    return shop


def _use(shop: Shop, first: int, count: int, day: int) -> list[Invoice]:
    """So many deliveries on a day, and a look at the thresholds; the invoices there are."""
    at = START + timedelta(days=day)
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", f"d{first + each}", at) for each in range(count)], now=at)
    bill_thresholds(shop.database, shop.scope, now=at + timedelta(hours=1), grace=GRACE)
    with shop.database.view(shop.scope) as unit:
        assert LedgerStore(unit).balances().net("EUR").amount_minor == 0
        return sorted(InvoiceStore(unit).page(limit=50).items, key=lambda invoice: invoice.id)


def test_a_threshold_bills_what_is_unbilled_and_the_period_takes_the_rest(shop: Shop) -> None:
    """9, then 12 deliveries: 6.00 at once when 4.50 became 6.00... by hand: 12 x 0.50 = 6.00; the last 10 come with the period: 5.00."""
    assert [invoice.kind for invoice in _use(shop, 0, 9, 2)] == [InvoiceKind.CYCLE]
    crossed = _use(shop, 9, 3, 5)
    assert (crossed[-1].kind, crossed[-1].total.text) == (InvoiceKind.THRESHOLD, "6.00")
    assert len(_use(shop, 12, 0, 6)) == 2
    assert len(_use(shop, 12, 10, 8)) == 2

    run_billing(shop.database, shop.scope, now=END + timedelta(days=2), grace=GRACE)

    with shop.database.view(shop.scope) as unit:
        last = max(InvoiceStore(unit).page(limit=50).items, key=lambda invoice: invoice.id)
    usage = [line for line in last.lines if line.kind == "usage"]
    assert [line.amount.text for line in usage] == ["5.00"]
    assert [step["rule"] for step in usage[0].document["trace"]][-1] == "billed_before"


def test_an_alert_is_told_once_a_period(shop: Shop) -> None:
    """At 3.00, however often one looks; again in the next period only."""
    _use(shop, 0, 7, 2)
    _use(shop, 7, 1, 3)

    with shop.database.view(shop.scope) as unit:
        told = [fact for fact in waiting_facts(unit, limit=500) if fact.kind == "usage.alert"]
    assert [fact.payload["alert"] for fact in told] == ["3.00"]
