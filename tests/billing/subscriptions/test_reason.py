"""Why a subscription ended is on record: by choice, or given up after failed payments; and the end has the reason of its cancelling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.subscriptions.cancel import PAYMENT, VOLUNTARY, cancel_at_period_end, uncancel
from billing.subscriptions.subscribe import subscribe
from features.sources import COLUMNS, rows_of_customer
from features.view import Source
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

LATER = START + timedelta(days=90)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _steps(shop: Shop) -> list[tuple[str, str]]:
    """(kind, reason) of Ann's history, as features read it."""
    with shop.database.view(shop.scope) as unit:
        rows = rows_of_customer(unit, CustomerStore(unit).get("ann").id, LATER)[Source.SUBSCRIPTIONS]
    return [(row["kind"], row["reason"]) for row in rows]


@pytest.mark.parametrize("reason", [VOLUNTARY, PAYMENT])
def test_the_end_has_the_reason_of_the_cancelling(shop: Shop, reason: str) -> None:
    """Billing ends the subscription a month later, and knows why."""
    with shop.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
        cancel_at_period_end(unit, subscription.id, now=START + timedelta(days=3), reason=reason)
    run_billing(shop.database, shop.scope, now=LATER, grace=timedelta(days=1))

    assert _steps(shop) == [("started", ""), ("cancelled", reason), ("ended", reason)]


def test_the_last_cancelling_counts(shop: Shop) -> None:
    """Given up, mended, and later left by choice."""
    with shop.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
        for days, reason in ((1, PAYMENT), (5, VOLUNTARY)):
            cancel_at_period_end(unit, subscription.id, now=START + timedelta(days=days), reason=reason)
            if reason == PAYMENT:
                uncancel(unit, subscription.id, now=START + timedelta(days=2))
    run_billing(shop.database, shop.scope, now=LATER, grace=timedelta(days=1))

    assert _steps(shop)[-1] == ("ended", VOLUNTARY)
    assert "reason" in COLUMNS[Source.SUBSCRIPTIONS]
