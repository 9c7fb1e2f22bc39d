"""Wallets pay invoices, at most once each, and get back what they paid when an invoice is voided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.kernel.money import Money
from billing.wallets.grant import GrantError
from billing.wallets.keep import keep
from billing.wallets.movement import MovementKind
from billing.wallets.purse import advanced, returned, spent
from billing.wallets.standing_store import StandingStore
from billing.wallets.store import WalletStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit


def burn_for(unit: Unit, customer_id: str, invoice_id: str, most: Money, at: datetime) -> Money:
    """What the customer's wallet pays of an invoice: `most`, or as much as there is above the floor.

    An invoice that the wallet paid for already is told what it paid, nothing once that was returned. The invoice need not be stored yet.
    """
    if most.amount_minor < 0:
        raise GrantError("a wallet pays zero or more of an invoice", amount=str(most))
    store, at = WalletStore(unit), utc(at)
    wallet = store.lock_of(customer_id, most.currency)
    if wallet is None:
        return Money.zero(most.currency)
    history = store.movements_of_invoice(invoice_id).get(wallet.id, [])
    if history:
        return -sum((movement.amount for movement in history), Money.zero(wallet.currency))
    before = store.purse(wallet)
    caught_up = advanced(before, at)
    moved = spent(caught_up, most, at, invoice_id)
    keep(unit, wallet, before, moved, at)
    return caught_up.purse.held - moved.purse.held


def give_back(unit: Unit, invoice_id: str, at: datetime) -> Money | None:
    """Return what a wallet paid of a voided invoice, once; the answer is what was returned, None when no wallet paid."""
    store, at = WalletStore(unit), utc(at)
    for wallet_id in store.movements_of_invoice(invoice_id):
        wallet = store.lock(wallet_id)
        history = store.movements_of_invoice(invoice_id)[wallet_id]
        burned = [movement for movement in history if movement.kind is MovementKind.BURNED]
        if len(burned) < len(history):
            return sum((m.amount for m in history if m not in burned), Money.zero(wallet.currency))
        named = [movement.grant_id for movement in burned if movement.grant_id is not None]
        before = store.purse(wallet, grant_ids=named)
        caught_up = advanced(before, at)
        moved = returned(caught_up, burned, at)
        keep(unit, wallet, before, moved, at)
        return moved.purse.held - caught_up.purse.held
    return None


def balances(unit: Unit, customer_ids: Sequence[str], currency: str, at: datetime) -> dict[str, Money]:
    """The balance at `at` of each of these customers who has a wallet in the currency, below zero where it is overdrawn. One query."""
    found = StandingStore(unit).balances(customer_ids, currency, utc(at))
    return {customer: Money(balance, currency) for customer, (balance, _) in found.items()}


def lock_spendable(unit: Unit, customer_ids: Sequence[str], currency: str, at: datetime) -> dict[str, Money]:
    """What each of these customers' wallets can pay at `at`, locked in an order that lets billing runs work side by side.

    For runs that then call `burn_for` for those who have something; a period's grant that is not written down yet is not in it.
    """
    WalletStore(unit).lock_many(customer_ids, currency)
    found = StandingStore(unit).balances(customer_ids, currency, utc(at))
    rooms = {customer: balance - floor for customer, (balance, floor) in found.items()}
    return {customer: Money(room, currency) for customer, room in rooms.items() if room > 0}
