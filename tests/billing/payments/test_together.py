"""Several processes at the same moment: one invoice is charged once, one message is taken once, one refund is paid once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.db.session import BusyError
from billing.invoices.invoice import InvoiceStatus
from billing.kernel.errors import ConflictError
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.payments.collect import collect
from billing.payments.refund import carry_out_refund, prepare_refund
from tests.billing.payments.till import Till, open_till
from tests.shop import START
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

THREADS = 6


@pytest.fixture
def till(database: Database) -> Till:
    """A shop with ann and bob."""
    return open_till(database)


def test_runs_side_by_side_charge_each_invoice_once(till: Till) -> None:
    """Every run ends well; the provider was asked once an invoice."""
    invoices = [till.owe(customer) for customer in ("ann", "bob")]
    for customer in ("ann", "bob"):
        till.give(customer, "pm_ok")

    answers = together(
        THREADS, lambda _: collect(till.shop.database, till.shop.scope, till.sandbox, now=START).succeeded
    )

    assert sum(answer for answer in answers if isinstance(answer, int)) == len(invoices), answers
    assert till.takings() == till.balance(Account.CASH) == 1800
    assert all(len(till.attempts(invoice.id)) == 1 for invoice in invoices)
    till.check_books()


def test_a_message_delivered_several_times_at_once_is_taken_once(till: Till) -> None:
    """The others wait and find it taken."""
    invoice = till.owe("ann")
    till.give("ann", "pm_pending")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    (attempt,) = till.attempts(invoice.id)
    message = till.sandbox.confirm(attempt.reference or "", at=START)

    answers = together(THREADS, lambda _: till.tell(message))

    assert sorted(str(answer) for answer in answers) == ["repeated"] * (THREADS - 1) + ["taken"]
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert till.balance(Account.CASH) == 900


def test_a_refund_asked_for_several_times_at_once_is_paid_once(till: Till) -> None:
    """They share a target, so they mean the same refund."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    (payment,) = till.payments(invoice.id)

    def give_back(_: int) -> str:
        with till.shop.database.unit(till.shop.scope) as unit:
            refund = prepare_refund(unit, payment.id, target=Money(400, "EUR"), reason="", now=START)
        return carry_out_refund(till.shop.database, till.shop.scope, till.sandbox, refund.id, now=START).id

    answers = together(THREADS, give_back)

    assert len({answer for answer in answers if isinstance(answer, str)}) == 1, answers
    assert all(isinstance(answer, str | ConflictError | BusyError) for answer in answers), answers
    assert till.takings() == till.balance(Account.CASH) == 500
    till.check_books()
