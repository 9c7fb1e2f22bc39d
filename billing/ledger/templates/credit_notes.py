"""Credit notes in the books: what was booked as sold is taken back, and what of it was paid is owed to the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Entry, Transaction
from billing.ledger.templates.moves import move

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a credit takes back: of lines in arrears, of lines in advance, and of tax; and where the sum goes."""

    earned: Money
    deferred: Money
    tax: Money
    applied: Money
    to_balance: Money
    to_refund: Money


def credit_note_issued(note: str, *, at: datetime, customer: str, taken: Taken, given_up: bool = False) -> Transaction:
    """A credit note is final. What lowers an invoice that was given up lowers the bad debt instead of the receivable."""
    owed_by = Account.BAD_DEBT if given_up else Account.RECEIVABLE
    parts = (
        Entry(Account.REVENUE, taken.earned),
        Entry(Account.DEFERRED_REVENUE, taken.deferred),
        Entry(Account.TAX_PAYABLE, taken.tax),
        Entry(owed_by, -taken.applied),
        Entry(Account.CUSTOMER_CREDIT, -taken.to_balance),
        Entry(Account.REFUNDS_DUE, -taken.to_refund),
    )
    return Transaction(
        key=f"credit_note_issued:{note}",
        at=at,
        description=f"Credit note {note} issued",
        entries=tuple(part for part in parts if part.amount.amount_minor),
        customer=customer,
    )


def credit_note_refunded(note: str, refund: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A refund brought back what a credit note had waiting: what it made due again is credited."""
    return Transaction(
        key=f"credit_note_refunded:{note}:{refund}",
        at=at,
        description=f"Refund {refund} of credit note {note}",
        entries=move(amount, debit=Account.REFUNDS_DUE, credit=Account.RECEIVABLE),
        customer=customer,
    )


def credit_note_to_balance(note: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """What waited to go back is spendable on later invoices instead; once a note."""
    return Transaction(
        key=f"credit_note_to_balance:{note}",
        at=at,
        description=f"Credit note {note} put onto the account",
        entries=move(amount, debit=Account.REFUNDS_DUE, credit=Account.CUSTOMER_CREDIT),
        customer=customer,
    )
