"""Automatic top-ups become invoices: asked for once, collected like any other, and put into the wallet when they are paid.

A top-up is no sale: until it is paid it stands as deferred revenue, then in the wallet, and is earned when the wallet pays for something.
For the same reason no tax is due on it. No wallet pays for its own filling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.cards import Cards
from billing.invoices.deferred.lines import PREPAID
from billing.invoices.facts import Facts
from billing.invoices.finish import issue_rated
from billing.invoices.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.pricing.quote import money_document
from billing.wallets.store import WalletStore
from billing.wallets.topups.request import confirm_top_up, fail_top_up
from billing.wallets.topups.store import TopUpStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.wallets.topups.top_up import TopUp

MOST_AT_ONCE = 500
_LOST = {InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}


def settle_top_ups(database: Database, scope: Scope, *, now: datetime) -> tuple[int, list[tuple[str, str]]]:
    """How many top-ups moved on (invoiced, paid or failed), and which could not, with the reason. Again, it does nothing twice."""
    moved, failed = 0, []
    with database.view(scope) as unit:
        waiting = TopUpStore(unit).open(limit=MOST_AT_ONCE)
    for top_up in waiting:
        try:
            with database.unit(scope) as unit:
                moved += _settle(unit, top_up, now)
        except UptierError as error:
            failed.append((top_up.id, error.detail))
    return moved, failed


def _settle(unit: Unit, top_up: TopUp, now: datetime) -> bool:
    wallet = WalletStore(unit).lock(top_up.wallet_id)
    invoice = InvoiceStore(unit).of_line(_key(top_up))
    if invoice is None:
        _invoice(unit, top_up, wallet.customer_id, now)
        return True
    if invoice.status is InvoiceStatus.PAID:
        confirm_top_up(unit, top_up.id, now, paid_by=Account.DEFERRED_REVENUE)
        return True
    if invoice.status in _LOST:
        fail_top_up(unit, top_up.id, now, code=invoice.status.value)
        return True
    return False


def _invoice(unit: Unit, top_up: TopUp, customer_id: str, now: datetime) -> None:
    zero = Money.zero(top_up.amount.currency)
    document = {
        "key": "top_up",
        "description": "Prepaid credits",
        "quantity": "1",
        "unit_price": top_up.amount.text,
        "amount": money_document(top_up.amount),
        "period": None,
        "trace": [{"rule": "top_up", "detail": "refills the wallet", "amount": top_up.amount.text}],
    }
    draft = Invoice(
        id=new_id("inv"),
        kind=InvoiceKind.ONE_OFF,
        customer_id=customer_id,
        subscription_id=None,
        sequence=None,
        status=InvoiceStatus.DRAFT,
        currency=zero.currency,
        period=None,
        version_ids=(),
        closes_at=now,
        created_at=now,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=(InvoiceLine.untaxed(_key(top_up), PREPAID, top_up.amount, version_id="", document=document),),
    )
    InvoiceStore(unit).add_many(issue_rated(unit, [draft], Facts(unit, [draft], Cards()), now=now))


def _key(top_up: TopUp) -> str:
    return f"top_up:{top_up.id}"
