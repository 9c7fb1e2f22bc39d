"""Check: every payment and refund is booked as it is, and account CASH is what came in less what went back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.payments.audit_store import PaymentAudit
from billing.revenue.check.finding import Finding
from billing.revenue.check.pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit
    from billing.revenue.check.pages import Reader

_WALLETS = "wallet_paid"  # wallets that were filled with cash know no payment


def check(unit: Unit) -> Iterator[Finding]:
    """Payments and refunds one by one, and then in sum with disputes and their fees."""
    audit, books = PaymentAudit(unit), LedgerAudit(unit)
    yield from _booked(books, audit.payments, "payment_received", "payment", sign=1)
    yield from _booked(books, audit.refunds, "payment_refunded", "refund", sign=-1)
    for payment, currency, stored, made in audit.refunded_otherwise():
        yield Finding(
            code="payment_refunded",
            sentence=f"payment {payment} says {Money(stored, currency)} went back, its refunds {Money(made, currency)}",
            ids=(payment,),
            amounts={"refunded": Money(stored, currency), "refunds": Money(made, currency)},
        )
    yield from _cash(audit, books)


def _booked(
    books: LedgerAudit, read: Reader[tuple[str, str, str, int]], fact: str, what: str, *, sign: int
) -> Iterator[Finding]:
    for page in pages(read, lambda row: row[0]):
        booked = books.booked(fact, page[0][0], page[-1][0])
        for found, of, currency, minor in page:
            cash = sign * booked.get(f"{fact}:{found}", {}).get((Account.CASH.value, currency), 0)
            if cash != minor:
                amounts = {"amount": Money(minor, currency), "booked": Money(cash, currency)}
                yield Finding(
                    code=f"{what}_posting",
                    sentence=f"{what} {found} is over {amounts['amount']}, the books say {amounts['booked']}",
                    ids=(found, of),
                    amounts=amounts,
                )


def _cash(audit: PaymentAudit, books: LedgerAudit) -> Iterator[Finding]:
    in_hand, stands = audit.in_hand(), dict[str, int]()
    for (fact, currency), minor in books.moved_by(Account.CASH).items():
        stands[currency] = stands.get(currency, 0) + minor
        if fact == _WALLETS:
            in_hand[currency] = in_hand.get(currency, 0) + minor
    for currency in sorted(in_hand.keys() | stands.keys()):
        wanted, found = Money(in_hand.get(currency, 0), currency), Money(stands.get(currency, 0), currency)
        if wanted != found:
            yield Finding(
                code="cash_differs",
                sentence=f"payments less refunds and disputes leave {wanted}, account cash stands at {found}",
                ids=(currency,),
                amounts={"payments": wanted, "cash": found},
            )
