"""Payments in the books: money in, money back, money in dispute, and money given up.

An invoice that was given up stands in no receivable any more: what is paid or given back for it later goes against bad debt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Entry, PostingError, Transaction
from billing.ledger.templates.moves import move

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


def payment_received(
    payment: str, *, at: datetime, customer: str, amount: Money, surplus: Money | None = None, given_up: bool = False
) -> Transaction:
    """A customer paid: cash comes in, and the receivable goes down by as much, less a surplus that becomes the customer's credit."""
    extra = 0 if surplus is None else surplus.amount_minor
    if not 0 <= extra <= amount.amount_minor or amount.amount_minor <= 0:
        raise PostingError("a payment is above zero and not below its surplus", amount=amount.text)
    owed = amount if surplus is None else amount - surplus
    parts = [(_owed_by(given_up), owed)]
    parts += [] if surplus is None else [(Account.CUSTOMER_CREDIT, surplus)]
    return Transaction(
        key=f"payment_received:{payment}",
        at=at,
        description=f"Payment {payment} received",
        entries=(Entry(Account.CASH, amount), *(Entry(who, -part) for who, part in parts if part.amount_minor)),
        customer=customer,
    )


def payment_refunded(
    refund: str, *, at: datetime, customer: str, amount: Money, surplus: Money, given_up: bool = False
) -> Transaction:
    """A part of a payment went back: its surplus comes out of the customer's credit, the rest falls due again."""
    if not 0 <= surplus.amount_minor <= amount.amount_minor or amount.amount_minor <= 0:
        raise PostingError("a refund is above zero and not below its surplus", amount=amount.text)
    parts = [(Account.CUSTOMER_CREDIT, surplus), (_owed_by(given_up), amount - surplus)]
    return Transaction(
        key=f"payment_refunded:{refund}",
        at=at,
        description=f"Refund {refund} paid",
        entries=(*(Entry(who, part) for who, part in parts if part.amount_minor), Entry(Account.CASH, -amount)),
        customer=customer,
    )


def dispute_opened(dispute: str, *, at: datetime, customer: str, amount: Money, fee: Money) -> Transaction:
    """A bank takes a payment back until it is decided, and a fee for good."""
    entries = move(amount, debit=Account.IN_DISPUTE, credit=Account.CASH)
    return Transaction(
        key=f"dispute_opened:{dispute}",
        at=at,
        description=f"Dispute {dispute} opened",
        entries=entries + (move(fee, debit=Account.FEES, credit=Account.CASH) if fee.amount_minor else ()),
        customer=customer,
    )


def dispute_won(dispute: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """The bank gives the payment back."""
    return Transaction(
        key=f"dispute_won:{dispute}",
        at=at,
        description=f"Dispute {dispute} won",
        entries=move(amount, debit=Account.CASH, credit=Account.IN_DISPUTE),
        customer=customer,
    )


def dispute_lost(dispute: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """The customer keeps the payment, and the shop bears the loss."""
    return Transaction(
        key=f"dispute_lost:{dispute}",
        at=at,
        description=f"Dispute {dispute} lost",
        entries=move(amount, debit=Account.BAD_DEBT, credit=Account.IN_DISPUTE),
        customer=customer,
    )


def invoice_given_up(invoice: str, *, at: datetime, customer: str, amount: Money, time: int = 1) -> Transaction:
    """What is due of an invoice will not be paid. Its tax stays payable until a credit note takes it back.

    An invoice that was given up, paid and given back may be given up again, a second `time`.
    """
    return Transaction(
        key=f"invoice_given_up:{invoice}" + ("" if time == 1 else f":{time}"),
        at=at,
        description=f"Invoice {invoice} given up",
        entries=move(amount, debit=Account.BAD_DEBT, credit=Account.RECEIVABLE),
        customer=customer,
    )


def _owed_by(given_up: bool) -> Account:  # noqa: FBT001 (a private word for a state)
    return Account.BAD_DEBT if given_up else Account.RECEIVABLE
