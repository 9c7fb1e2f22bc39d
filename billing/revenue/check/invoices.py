"""Check: an issued invoice is the sum of its lines, stands in the books as it is, and is settled by what settled it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.invoices.audit_store import InvoiceAudit
from billing.invoices.credit_notes.audit_store import CreditNoteAudit
from billing.invoices.invoice import InvoiceStatus
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.payments.audit_store import PaymentAudit
from billing.revenue.check.finding import Finding
from billing.revenue.check.pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from billing.db.session import Unit
    from billing.invoices.audit_store import InvoiceSums

_FACTS = ("invoice_issued", "invoice_voided", "credit_applied", "wallet_burned")
_SOLD = (Account.REVENUE, Account.DEFERRED_REVENUE)
_OWED = (Account.RECEIVABLE, Account.CUSTOMER_CREDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What others say of a page of invoices: the books by fact and account, payments and credit notes by invoice."""

    booked: Mapping[str, Mapping[tuple[str, str], int]]
    paid: Mapping[str, int]
    credited: Mapping[str, int]

    def on(self, fact: str, invoice: InvoiceSums, *accounts: Account) -> int:
        """What a fact of an invoice books on some accounts, in the invoice's currency."""
        found = self.booked.get(f"{fact}:{invoice.id}", {})
        return sum(found.get((account.value, invoice.currency), 0) for account in accounts)


def check(unit: Unit) -> Iterator[Finding]:
    """Invoices against their lines, their postings, and what payments, notes, credit and wallets say."""
    audit, books = InvoiceAudit(unit), LedgerAudit(unit)
    issued = 0
    for page in pages(audit.issued, lambda invoice: invoice.id):
        ids = [invoice.id for invoice in page]
        facts = _Facts(
            booked={key: found for fact in _FACTS for key, found in books.booked(fact, ids[0], ids[-1]).items()},
            paid=PaymentAudit(unit).paid_of(ids),
            credited=CreditNoteAudit(unit).credited_of(ids),
        )
        for invoice in page:
            issued += f"invoice_issued:{invoice.id}" in facts.booked
            yield from _lines(invoice)
            yield from _posting(invoice, facts)
            yield from _settled(invoice)
            yield from _settled_by(invoice, facts)
    yield from _booked_alone(audit, books, issued)


def _lines(invoice: InvoiceSums) -> Iterator[Finding]:
    summed = invoice.lines_net + invoice.lines_tax
    if (summed, invoice.lines_tax) == (invoice.total, invoice.tax):
        return
    yield _finding(
        invoice,
        "invoice_lines",
        "its lines and their taxes do not sum to its total and tax",
        {"total": invoice.total, "lines": summed, "tax": invoice.tax, "taxes_of_lines": invoice.lines_tax},
    )


def _posting(invoice: InvoiceSums, facts: _Facts) -> Iterator[Finding]:
    sold, tax = -facts.on("invoice_issued", invoice, *_SOLD), -facts.on("invoice_issued", invoice, Account.TAX_PAYABLE)
    owed = facts.on("invoice_issued", invoice, *_OWED)
    if (sold, tax, owed) != (invoice.total - invoice.tax, invoice.tax, invoice.total):
        yield _finding(
            invoice,
            "invoice_posting",
            "what was booked when it was issued is not what it is over",
            {"total": invoice.total, "tax": invoice.tax, "booked_owed": owed, "booked_sold": sold, "booked_tax": tax},
        )
    voided = facts.on("invoice_voided", invoice, *_OWED)
    expected = -owed if invoice.status is InvoiceStatus.VOID else 0
    if voided != expected:
        yield _finding(
            invoice,
            "invoice_void_posting",
            "what was booked when it was voided is not the reverse of its issue",
            {"booked": voided, "expected": expected},
        )


def _settled(invoice: InvoiceSums) -> Iterator[Finding]:
    """What is paid, credited and due is what was billed; an invoice below nothing was given to the account and takes nothing."""
    asked = 0 if invoice.status is InvoiceStatus.VOID else max(invoice.total, 0)
    parts = (invoice.paid, invoice.credited, invoice.prepaid, invoice.credit)
    if invoice.settled + invoice.due == asked and min(parts) >= 0:
        return
    amounts = dict(zip(("paid", "credited", "prepaid", "credit"), parts, strict=True))
    yield _finding(
        invoice,
        "invoice_settled",
        "what is paid, credited and due is not what was billed",
        {"total": invoice.total, **amounts, "due": invoice.due},
    )


def _settled_by(invoice: InvoiceSums, facts: _Facts) -> Iterator[Finding]:
    """Each way in which it was settled, against the facts; what paid a void invoice has gone back."""
    is_void = invoice.status is InvoiceStatus.VOID
    told = {
        "paid": (invoice.paid, facts.paid.get(invoice.id, 0)),
        "credited": (invoice.credited, facts.credited.get(invoice.id, 0)),
        "credit": (invoice.credit, 0 if is_void else facts.on("credit_applied", invoice, Account.CUSTOMER_CREDIT)),
        "prepaid": (invoice.prepaid, 0 if is_void else facts.on("wallet_burned", invoice, Account.WALLET)),
    }
    for way, (stands, fact) in told.items():
        if stands != fact:
            yield _finding(
                invoice,
                f"invoice_{way}",
                f"what it says was {_WORDS[way]} is not what the facts add up to",
                {way: stands, "facts": fact},
            )


_WORDS = {
    "paid": "paid",
    "credited": "credited by notes",
    "credit": "taken from the account",
    "prepaid": "paid from wallets",
}


def _booked_alone(audit: InvoiceAudit, books: LedgerAudit, matched: int) -> Iterator[Finding]:
    """Issues in the books whose invoice is not there; looked for one by one only when their number says that there are any."""
    keys = books.count("invoice_issued")
    if keys == matched:
        return
    for key in books.keys("invoice_issued"):
        invoice = key.partition(":")[2]
        if not audit.is_issued(invoice):
            yield Finding(
                code="invoice_missing", sentence=f"{key} is booked, but no such invoice was issued", ids=(key, invoice)
            )


def _finding(invoice: InvoiceSums, code: str, what: str, minor: Mapping[str, int]) -> Finding:
    amounts = {name: Money(value, invoice.currency) for name, value in minor.items()}
    told = ", ".join(f"{name.replace('_', ' ')} {amount.text}" for name, amount in amounts.items())
    return Finding(
        code=code,
        sentence=f"invoice {invoice.number or invoice.id}: {what} ({told} {invoice.currency})",
        ids=(invoice.id,),
        amounts=amounts,
    )
