"""Invoices in the books: issued, voided, given up, and paid from the account. Parts may be negative where credits outweigh charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Entry, PostingError, Transaction
from billing.ledger.templates.moves import move

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


def invoice_issued(
    invoice: str, *, at: datetime, customer: str, earned: Money, deferred: Money, tax: Money | None = None
) -> Transaction:
    """An invoice is final: `earned` are its lines in arrears, `deferred` those in advance, `tax` comes on top.

    The customer owes the sum. A negative sum (credits outweigh charges) is owed to the customer, as credit for later invoices.
    """
    due = earned + deferred if tax is None else earned + deferred + tax
    owed_by = Account.CUSTOMER_CREDIT if due.amount_minor < 0 else Account.RECEIVABLE
    parts = [
        Entry(Account.REVENUE, -earned),
        Entry(Account.DEFERRED_REVENUE, -deferred),
        *([] if tax is None else [Entry(Account.TAX_PAYABLE, -tax)]),
    ]
    return Transaction(
        key=f"invoice_issued:{invoice}",
        at=at,
        description=f"Invoice {invoice} issued",
        entries=(Entry(owed_by, due), *(part for part in parts if part.amount.amount_minor)),
        customer=customer,
    )


def invoice_voided(invoice: str, *, at: datetime, issued: Transaction) -> Transaction:
    """An issued invoice is taken back: the exact reverse of the transaction that `invoice_issued` made for it."""
    if issued.key != f"invoice_issued:{invoice}":
        raise PostingError(f"{issued.key} is not the issue of {invoice}", key=issued.key, invoice=invoice)
    return Transaction(
        key=f"invoice_voided:{invoice}",
        at=at,
        description=f"Invoice {invoice} voided",
        entries=tuple(Entry(entry.account, -entry.amount) for entry in issued.entries),
        customer=issued.customer,
    )


def credit_granted(grant: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A credit is given away, spendable on later invoices."""
    return Transaction(
        key=f"credit_granted:{grant}",
        at=at,
        description=f"Credit {grant} granted",
        entries=move(amount, debit=Account.GOODWILL, credit=Account.CUSTOMER_CREDIT),
        customer=customer,
    )


def credit_applied(invoice: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """Credit of the customer pays for (a part of) an invoice; once an invoice."""
    return Transaction(
        key=f"credit_applied:{invoice}",
        at=at,
        description=f"Credit applied to invoice {invoice}",
        entries=move(amount, debit=Account.CUSTOMER_CREDIT, credit=Account.RECEIVABLE),
        customer=customer,
    )


def credit_returned(invoice: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """What credit paid of an invoice that was voided is the customer's again; once an invoice."""
    return Transaction(
        key=f"credit_returned:{invoice}",
        at=at,
        description=f"Credit returned from voided invoice {invoice}",
        entries=move(amount, debit=Account.RECEIVABLE, credit=Account.CUSTOMER_CREDIT),
        customer=customer,
    )
