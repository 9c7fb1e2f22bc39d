"""Writing down what happened to a wallet: its rows, the books, and who should know; in the unit of work that locked it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.ledger.templates.wallets import (
    wallet_burned,
    wallet_expired,
    wallet_given,
    wallet_paid,
    wallet_returned,
    wallet_revoked,
)
from billing.wallets.movement import MovementKind
from billing.wallets.purse import advanced
from billing.wallets.store import WalletStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.ledger.posting import Transaction
    from billing.wallets.movement import Movement
    from billing.wallets.purse import Moved, Purse
    from billing.wallets.wallet import Wallet

_IN = {MovementKind.GRANTED, MovementKind.TOPPED_UP}
_BY_INVOICE = {MovementKind.BURNED: wallet_burned, MovementKind.RETURNED: wallet_returned}


def keep(
    unit: Unit, wallet: Wallet, before: Purse, moved: Moved, at: datetime, *, paid_by: Account = Account.CASH
) -> None:
    """Save the movements of a locked wallet and book them; `paid_by` is what paid grants among them were paid with.

    Tells once that the balance fell below what the wallet calls low, and again only after it was above in between.
    """
    told = wallet.told_low and wallet.is_low(advanced(before, at).purse.balance(at))
    balance = moved.purse.balance(at)
    low = wallet.is_low(balance)
    if not moved.movements and (told or low) == wallet.told_low:
        return
    WalletStore(unit).save(wallet, before, moved.purse, moved.movements, told_low=told or low)
    LedgerStore(unit).append_many(postings(wallet.customer_id, moved, paid_by))
    if low and not told and wallet.low_balance is not None:
        payload = {
            "wallet": wallet.id,
            "customer": wallet.customer_id,
            "currency": wallet.currency,
            "balance": balance.text,
            "low_balance": wallet.low_balance.text,
        }
        unit.emit("wallet.low", f"{wallet.id}:{before.revision}", payload, at)


def postings(customer: str, moved: Moved, paid_by: Account) -> list[Transaction]:
    """What the books are told of some movements: a transaction a fact, with an invoice's parts together."""
    books = [_posting(customer, moved.purse, movement, paid_by) for movement in moved.movements]
    found = [transaction for transaction in books if transaction is not None]
    for kind, template in _BY_INVOICE.items():
        parts: dict[str, list[Movement]] = {}
        for movement in moved.movements:
            if movement.kind is kind:
                parts.setdefault(movement.invoice_id or "", []).append(movement)
        for invoice, movements in parts.items():
            amount = sum((_size(movement) for movement in movements), Money.zero(moved.purse.currency))
            found.append(template(invoice, at=movements[0].at, customer=customer, amount=amount))
    return found


def _posting(customer: str, purse: Purse, movement: Movement, paid_by: Account) -> Transaction | None:
    """The transaction of a movement that is a fact of its own."""
    if movement.grant_id is None:
        return None
    grant, at, amount = purse.grant(movement.grant_id), movement.at, _size(movement)
    if movement.kind in _IN and grant.is_paid:
        return wallet_paid(grant.id, at=at, customer=customer, amount=amount, paid_by=paid_by)
    if movement.kind in _IN:
        return wallet_given(grant.id, at=at, customer=customer, amount=amount)
    if movement.kind is MovementKind.EXPIRED:
        return wallet_expired(grant.id, at=at, customer=customer, amount=amount, paid=grant.is_paid)
    if movement.kind is MovementKind.REVOKED:
        return wallet_revoked(movement.key.removeprefix("revoked:"), at=at, customer=customer, amount=amount)
    return None


def _size(movement: Movement) -> Money:
    return movement.amount if movement.amount.amount_minor > 0 else -movement.amount
