"""Credit notes, voids and given-up invoices against real books: what is due, what goes back, and who is owed what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.invoices.credit_notes.issue import CreditRequest, put_on_balance
from billing.invoices.credit_notes.note import CreditNoteError, CreditNoteStateError, Destination
from billing.invoices.credit_notes.share import Asked
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.invoice import InvoiceStateError, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import credit_applied, credit_granted
from billing.payments.collect import collect
from billing.payments.credit import credit_invoice, give_up_invoice, preview_credit, void_invoice
from billing.payments.dunning import DunningState
from billing.payments.payment import RefundState
from billing.payments.provider import Succeeded
from billing.payments.record import record_payment
from billing.payments.refund import carry_out_refund, prepare_refund, settle_refund
from tests.billing.payments.till import Till, open_till
from tests.shop import START

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.credit_notes.note import CreditNote
    from billing.invoices.invoice import Invoice
    from billing.payments.payment import Refund

LATER = START + timedelta(days=3)
BACK = Destination.REFUND


@pytest.fixture
def till(database: Database) -> Till:
    """A shop with ann and bob."""
    return open_till(database)


def _credit(
    till: Till, invoice: Invoice, minor: int | None = None, to: Destination = Destination.BALANCE
) -> tuple[CreditNote, list[Refund]]:
    request = CreditRequest(amount=None if minor is None else Money(minor, "EUR"), destination=to)
    with till.shop.database.unit(till.shop.scope) as unit:
        return credit_invoice(unit, invoice.id, request, now=LATER)


def _paid(till: Till, mood: str = "pm_ok") -> Invoice:
    invoice = till.owe("ann")
    till.give("ann", mood)
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    return till.invoice(invoice.id)


def _note(till: Till, note: CreditNote) -> CreditNote:
    with till.shop.database.view(till.shop.scope) as unit:
        return CreditNoteStore(unit).get(note.id)


def _carry_out(till: Till, refund: Refund) -> Refund:
    return carry_out_refund(till.shop.database, till.shop.scope, till.sandbox, refund.id, now=LATER)


def test_a_credit_of_an_unpaid_invoice_lowers_what_is_due(till: Till) -> None:
    """Four of nine euro off, then the rest: paid by credit notes, numbered without a gap, and nothing is owed by anybody."""
    invoice = till.owe("ann")
    first, _ = _credit(till, invoice, 400)
    assert till.invoice(invoice.id).amount_due == Money(500, "EUR")
    assert till.balance(Account.RECEIVABLE) == till.balance(Account.REVENUE) == 500

    second, _ = _credit(till, invoice)
    after = till.invoice(invoice.id)
    assert (first.number, second.number) == ("CN-000001", "CN-000002")
    assert (after.status, after.credited) == (InvoiceStatus.PAID, Money(900, "EUR"))
    assert till.balance(Account.RECEIVABLE) == till.balance(Account.REVENUE) == 0
    till.check_books()

    with pytest.raises(CreditNoteError, match=r"0.00 EUR of the invoice is left"):
        _credit(till, invoice, 1)


def test_what_was_paid_becomes_credit_of_the_customer(till: Till) -> None:
    """The invoice stays paid, and the account has what was taken back."""
    invoice = _paid(till)
    note, refunds = _credit(till, invoice, 250)
    assert not refunds
    assert note.settling.to_balance == Money(250, "EUR")
    assert till.balance(Account.CUSTOMER_CREDIT) == 250
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    till.check_books()


def test_a_credit_of_a_partly_paid_invoice_takes_what_is_due_first(till: Till) -> None:
    """Nine euro, six paid; a credit of five takes the three that are due, and two become credit."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="cash", now=START, amount=Money(600, "EUR"))
    note, _ = _credit(till, invoice, 500)
    assert (note.settling.applied, note.settling.to_balance) == (Money(300, "EUR"), Money(200, "EUR"))
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    till.check_books()


def test_a_credit_that_goes_back_waits_for_its_refund(till: Till) -> None:
    """The note is issued and its refund prepared together; once it arrives the invoice is paid by less, credited by as much."""
    invoice = _paid(till)
    note, (refund,) = _credit(till, invoice, 400, BACK)
    assert (refund.state, refund.amount) == (RefundState.PREPARED, Money(400, "EUR"))
    assert till.balance(Account.REFUNDS_DUE) == 400
    assert _note(till, note).settling.waiting == Money(400, "EUR")

    assert _carry_out(till, refund).state is RefundState.SUCCEEDED
    after = till.invoice(invoice.id)
    assert (after.status, after.paid, after.credited) == (InvoiceStatus.PAID, Money(500, "EUR"), Money(400, "EUR"))
    assert _note(till, note).settling.refunded == Money(400, "EUR")
    assert till.balance(Account.REFUNDS_DUE) == till.balance(Account.CUSTOMER_CREDIT) == 0
    assert till.takings() == till.balance(Account.CASH) == 500
    till.check_books()


def test_a_payment_by_hand_goes_back_by_hand_at_once(till: Till) -> None:
    """No provider is asked, so nothing waits."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="cash", now=START)
    note, (refund,) = _credit(till, invoice, None, BACK)
    assert refund.state is RefundState.SUCCEEDED
    assert _note(till, note).settling.waiting == Money.zero("EUR")
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert till.balance(Account.CASH) == till.balance(Account.REFUNDS_DUE) == 0
    till.check_books()


def test_a_refund_that_fails_leaves_the_choice_of_the_account(till: Till) -> None:
    """It waits until somebody puts it onto the account, once."""
    invoice = _paid(till, "pm_refund_fails")
    note, (refund,) = _credit(till, invoice, 400, BACK)
    assert _carry_out(till, refund).state is RefundState.FAILED
    assert _note(till, note).settling.waiting == Money(400, "EUR")
    with till.shop.database.unit(till.shop.scope) as unit:
        put_on_balance(unit, note.number, now=LATER)
    assert till.balance(Account.REFUNDS_DUE) == 0
    assert till.balance(Account.CUSTOMER_CREDIT) == 400
    with pytest.raises(CreditNoteStateError), till.shop.database.unit(till.shop.scope) as unit:
        put_on_balance(unit, note.id, now=LATER)
    till.check_books()


def test_a_refund_asked_for_by_hand_serves_the_note_that_waits(till: Till) -> None:
    """The note's own refund failed; a later one of the same payment is the money it waited for."""
    invoice = _paid(till, "pm_refund_fails")
    note, (refund,) = _credit(till, invoice, 400, BACK)
    _carry_out(till, refund)
    (payment,) = till.payments(invoice.id)
    with till.shop.database.unit(till.shop.scope) as unit:
        again = prepare_refund(unit, payment.id, target=Money(600, "EUR"), reason="again", now=LATER)
    with till.shop.database.unit(till.shop.scope) as unit:  # the bank found a way
        settle_refund(unit, again.id, Succeeded(reference="re_1", amount=again.amount), now=LATER)
    after = till.invoice(invoice.id)
    assert _note(till, note).settling.waiting == Money.zero("EUR")
    assert (after.status, after.amount_due) == (InvoiceStatus.PARTLY_PAID, Money(200, "EUR"))
    till.check_books()


def test_what_goes_back_is_at_most_what_payments_hold(till: Till) -> None:
    """Nine euro, of which credit paid four: five go back, four become credit again."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        four = Money(400, "EUR")
        LedgerStore(unit).append(credit_granted("g1", at=START, customer=invoice.customer_id, amount=four))
        LedgerStore(unit).append(credit_applied(invoice.id, at=START, customer=invoice.customer_id, amount=four))
        InvoiceStore(unit).save(_with_credit(invoice, four))
        record_payment(unit, invoice.id, reference="cash", now=START)
    note, _ = _credit(till, invoice, None, BACK)
    assert (note.settling.to_refund, note.settling.to_balance) == (Money(500, "EUR"), four)
    till.check_books()


def test_a_preview_is_the_note(till: Till) -> None:
    """Portion for portion, and with the same way for the money."""
    invoice = _paid(till)
    request = CreditRequest(lines=(Asked(0, Money(123, "EUR")),), destination=BACK)
    with till.shop.database.view(till.shop.scope) as unit:
        shown = preview_credit(unit, invoice.id, request, now=LATER)
    with till.shop.database.unit(till.shop.scope) as unit:
        made, _ = credit_invoice(unit, invoice.id, request, now=LATER)
    assert (shown.portions, shown.settling) == (made.portions, made.settling)


def test_a_credit_of_a_given_up_invoice_takes_its_revenue_and_its_bad_debt_back(till: Till) -> None:
    """Nothing was sold, so nothing was lost."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        give_up_invoice(unit, invoice.id, now=LATER)
    assert (till.balance(Account.BAD_DEBT), till.balance(Account.RECEIVABLE)) == (900, 0)
    _credit(till, invoice)
    assert till.balance(Account.BAD_DEBT) == till.balance(Account.REVENUE) == 0
    till.check_books()


def test_an_invoice_is_given_up_once_and_mended_by_a_late_payment(till: Till) -> None:
    """Asking again changes nothing; money that comes after all goes against the bad debt."""
    invoice = till.owe("ann")
    till.give("ann", "pm_declined")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    for _ in range(2):
        with till.shop.database.unit(till.shop.scope) as unit:
            give_up_invoice(unit, invoice.id, now=LATER)
    dunning = till.dunning(invoice.id)
    assert dunning is not None
    assert dunning.state is DunningState.EXHAUSTED
    assert till.balance(Account.BAD_DEBT) == 900
    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="late", now=LATER)
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert till.balance(Account.BAD_DEBT) == 0
    till.check_books()


def test_a_void_invoice_is_out_of_the_books_and_its_credit_returns(till: Till) -> None:
    """Twice is once, and a void invoice cannot be credited."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        four = Money(400, "EUR")
        LedgerStore(unit).append(credit_granted("g1", at=START, customer=invoice.customer_id, amount=four))
        LedgerStore(unit).append(credit_applied(invoice.id, at=START, customer=invoice.customer_id, amount=four))
        InvoiceStore(unit).save(_with_credit(invoice, four))
    for _ in range(2):
        with till.shop.database.unit(till.shop.scope) as unit:
            voided = void_invoice(unit, invoice.id, now=LATER)
    assert (voided.status, voided.amount_due) == (InvoiceStatus.VOID, Money.zero("EUR"))
    assert till.balance(Account.RECEIVABLE) == till.balance(Account.REVENUE) == 0
    assert till.balance(Account.CUSTOMER_CREDIT) == 400
    till.check_books()
    with pytest.raises(CreditNoteError, match="void cannot be credited"):
        _credit(till, invoice)


def test_a_void_stops_collection_and_gives_access_back(till: Till) -> None:
    """A past due invoice that is voided is past due no more."""
    invoice = till.owe("ann")
    till.give("ann", "pm_declined")
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    with till.shop.database.unit(till.shop.scope) as unit:
        void_invoice(unit, invoice.id, now=LATER)
    dunning = till.dunning(invoice.id)
    assert dunning is not None
    assert dunning.state is DunningState.RECOVERED


def test_an_invoice_that_something_was_paid_of_is_not_voided(till: Till) -> None:
    """Nor one that was credited: the error says what to do instead."""
    invoice = _paid(till)
    with pytest.raises(InvoiceStateError), till.shop.database.unit(till.shop.scope) as unit:
        void_invoice(unit, invoice.id, now=LATER)
    other = till.owe("bob")
    _credit(till, other, 100)
    with (
        pytest.raises(InvoiceStateError, match="credit note instead"),
        till.shop.database.unit(till.shop.scope) as unit,
    ):
        void_invoice(unit, other.id, now=LATER)


def _with_credit(invoice: Invoice, amount: Money) -> Invoice:
    return replace(invoice, credit=amount)
