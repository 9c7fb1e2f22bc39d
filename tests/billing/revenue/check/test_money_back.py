"""What providers do (disputes, surpluses, refunds) and what fills wallets leaves the books whole, at each step on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.db.migrate import upgrade
from billing.kernel.clock import FrozenClock
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.payments.collect import collect
from billing.payments.refund import carry_out_refund, prepare_refund
from billing.revenue.check.books import check_books
from billing.revenue.check.registry import CHECKS
from billing.wallets.open import open_wallet, set_top_up
from billing.wallets.wallet import TopUpRule
from serving.jobs.routine import run_routine
from serving.settings import Settings
from serving.wiring import build
from tests.billing.payments.till import Till, open_till
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database

_OF_MONEY = ("postings", "payments", "receivables", "credit", "wallets")


def _is_whole(till: Till) -> bool:
    """Whether the checks that know payments find nothing; a till's invoices come without a series."""
    with till.shop.database.view(till.shop.scope) as unit:
        return [finding for name in _OF_MONEY for finding in CHECKS[name](unit)] == []


@pytest.mark.parametrize("end", ["won", "lost"])
def test_a_dispute_leaves_the_books_whole(database: Database, end: str) -> None:
    """Opened, and decided either way: the fee is gone, and the amount where it was decided to be."""
    till = open_till(database)
    invoice = till.owe("ann")
    till.give("ann", "pm_disputed")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    (payment,) = till.payments(invoice.id)
    assert payment.charge is not None
    for step in ("opened", end):
        till.tell(till.sandbox.dispute(payment.charge, step, at=START))
        assert _is_whole(till)


def test_a_refund_of_a_provider_leaves_the_books_whole(database: Database) -> None:
    """Prepared and not made, it counts for nothing; made, in part and in whole, for what went back."""
    till = open_till(database)
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    (payment,) = till.payments(invoice.id)
    for target in (300, 900):
        with database.unit(till.shop.scope) as unit:
            refund = prepare_refund(unit, payment.id, target=Money(target, "EUR"), reason="cold", now=START)
        assert _is_whole(till)
        carry_out_refund(database, till.shop.scope, till.sandbox, refund.id, now=START)
        assert _is_whole(till)


def test_a_top_up_waits_in_what_is_deferred(tmp_path: Path) -> None:
    """Invoiced and not paid, it is deferred and nobody's revenue; every check holds while it waits for a card."""
    settings = Settings(home=tmp_path, mlflow_uri="off", _env_file=None)
    upgrade(settings.resolved_database_url)
    services = build(settings, clock=FrozenClock(START))
    shop = open_shop(services.database)
    with services.database.unit(shop.scope) as unit:
        wallet = open_wallet(unit, "ann", "EUR", now=START)
        set_top_up(unit, wallet.id, TopUpRule(threshold=Money(1000, "EUR"), amount=Money(2500, "EUR"), most=3))
    for minutes in range(3):
        assert run_routine(services, shop.scope, now=START + timedelta(minutes=minutes)).failed == []
    with services.database.view(shop.scope) as unit:
        assert LedgerStore(unit).balances().natural(Account.DEFERRED_REVENUE, "EUR").text == "25.00"
        assert check_books(unit) == []
    services.database.close()
