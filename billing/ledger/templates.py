"""One posting template a business fact: the only place that knows which accounts a fact touches.

Each carries a natural key (`invoice_issued:inv_...`), so booking the same fact again is recognised and books nothing. Amounts given are
positive where a sign would be a mistake; an invoice's parts may be negative where credits outweigh charges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Entry, PostingError, Transaction

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


def payment_received(payment: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A customer paid: cash comes in, and the receivable goes down by as much."""
    return Transaction(
        key=f"payment_received:{payment}",
        at=at,
        description=f"Payment {payment} received",
        entries=_move(amount, debit=Account.CASH, credit=Account.RECEIVABLE),
        customer=customer,
    )


def credit_granted(grant: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A credit is given away, spendable on later invoices."""
    return Transaction(
        key=f"credit_granted:{grant}",
        at=at,
        description=f"Credit {grant} granted",
        entries=_move(amount, debit=Account.GOODWILL, credit=Account.CUSTOMER_CREDIT),
        customer=customer,
    )


def credit_applied(invoice: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """Credit of the customer pays for (a part of) an invoice; once an invoice."""
    return Transaction(
        key=f"credit_applied:{invoice}",
        at=at,
        description=f"Credit applied to invoice {invoice}",
        entries=_move(amount, debit=Account.CUSTOMER_CREDIT, credit=Account.RECEIVABLE),
        customer=customer,
    )


def _move(amount: Money, *, debit: Account, credit: Account) -> tuple[Entry, Entry]:
    if amount.amount_minor <= 0:
        raise PostingError("only an amount above zero can be paid, granted or applied", amount=amount.text)
    return Entry(debit, amount), Entry(credit, -amount)
