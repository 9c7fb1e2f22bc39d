"""A wallet that runs low is filled by itself: an invoice, a payment, and the money in the wallet, once each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.db.migrate import upgrade
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import FrozenClock
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.payments.methods import attach, save_method
from billing.tenants.store import TenantStore
from billing.wallets.open import open_wallet, set_top_up
from billing.wallets.routine import check
from billing.wallets.spend import balances
from billing.wallets.wallet import TopUpRule
from serving.jobs.routine import run_routine
from serving.payments import provider_of
from serving.settings import Settings
from serving.wiring import build
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from pathlib import Path


def test_a_low_wallet_is_filled_once(tmp_path: Path) -> None:
    """Below 10.00 it asks for 25.00; the card pays; the books know it as the customer's, not as revenue."""
    settings = Settings(home=tmp_path, mlflow_uri="off", _env_file=None)
    upgrade(settings.resolved_database_url)
    services = build(settings, clock=FrozenClock(START))
    shop = open_shop(services.database)
    with services.database.view(shop.scope) as unit:
        tenant = TenantStore(unit).find(shop.scope.tenant_id)
    assert tenant is not None
    provider = provider_of(services, tenant)
    assert provider is not None
    with services.database.unit(shop.scope) as unit:
        wallet = open_wallet(unit, "ann", "EUR", now=START)
        set_top_up(unit, wallet.id, TopUpRule(threshold=Money(1000, "EUR"), amount=Money(2500, "EUR"), most=3))
    attached = attach(services.database, shop.scope, provider, "ann", "pm_ok")
    with services.database.unit(shop.scope) as unit:
        save_method(unit, "ann", attached, provider=provider.name, now=START)

    for minutes in range(3):
        report = run_routine(services, shop.scope, now=START + timedelta(minutes=minutes))
        assert report.failed == []

    with services.database.view(shop.scope) as unit:
        (invoice,) = InvoiceStore(unit).page(limit=10).items
        held = balances(unit, [wallet.customer_id], "EUR", START + timedelta(hours=1))[wallet.customer_id]
        books = LedgerStore(unit).balances()
        assert check(unit) == []
    assert (invoice.status, invoice.total.text, held.text) == (InvoiceStatus.PAID, "25.00", "25.00")
    assert books.natural(Account.WALLET, "EUR").text == "25.00"
    assert books.natural(Account.DEFERRED_REVENUE, "EUR").text == "0.00"
    assert books.net("EUR").amount_minor == 0
    services.database.close()
