"""Money that goes back: refunds, disputes, and the messages of a provider, each once and with books that stay whole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.invoices.invoice import InvoiceStatus
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.payments.collect import collect
from billing.payments.incoming import take_event
from billing.payments.payment import DisputeState, RefundError, RefundOpenError, RefundState
from billing.payments.provider import ProviderEvent, SignatureError
from billing.payments.record import record_payment
from billing.payments.recover import recover
from billing.payments.refund import carry_out_refund, prepare_refund
from billing.payments.store import DisputeStore, ProviderEventStore
from tests.billing.payments.till import Till, open_till
from tests.shop import START

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.payments.payment import Payment, Refund

DAY = timedelta(days=1)


@pytest.fixture
def till(database: Database) -> Till:
    """A shop with ann and bob."""
    return open_till(database)


def _paid(till: Till, mood: str = "pm_ok") -> Payment:
    invoice = till.owe("ann")
    till.give("ann", mood)
    collect(till.shop.database, till.shop.scope, till.sandbox, now=START)
    (payment,) = till.payments(invoice.id)
    return payment


def _prepare(till: Till, payment: Payment, target: int) -> Refund:
    with till.shop.database.unit(till.shop.scope) as unit:
        return prepare_refund(unit, payment.id, target=Money(target, "EUR"), reason="spilled", now=START)


def _refund(till: Till, payment: Payment, target: int) -> Refund:
    refund = _prepare(till, payment, target)
    return carry_out_refund(till.shop.database, till.shop.scope, till.sandbox, refund.id, now=START)


def test_a_refund_falls_due_again_and_is_not_taken_again(till: Till) -> None:
    """Three euro back, then all of it; the provider, the payment, the invoice and the books say the same."""
    payment = _paid(till)

    first = _refund(till, payment, 300)
    second = _refund(till, payment, 900)
    repeated = _refund(till, payment, 900)

    assert (first.amount.text, second.amount.text, repeated.id) == ("3.00", "6.00", second.id)
    assert till.takings() == till.balance(Account.CASH) == 0
    invoice = till.invoice(payment.invoice_id)
    assert (invoice.status, invoice.amount_due.text) == (InvoiceStatus.ISSUED, "9.00")
    assert collect(till.shop.database, till.shop.scope, till.sandbox, now=START + 30 * DAY).succeeded == 0
    till.check_books()
    with pytest.raises(RefundError):
        _prepare(till, payment, 901)


def test_a_refund_whose_answer_was_lost_is_settled_once(till: Till) -> None:
    """Prepared and never asked, or asked and never heard of: recovery asks under the same key."""
    payment = _paid(till)
    refund = _prepare(till, payment, 500)
    till.sandbox.refund(refund.request(payment))
    with pytest.raises(RefundOpenError):
        _prepare(till, payment, 600)
    assert _prepare(till, payment, 500).id == refund.id

    report = recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=timedelta())

    assert report.settled == 1
    assert till.takings() == till.balance(Account.CASH) == 400
    till.check_books()


def test_a_refund_that_the_provider_refuses_changes_nothing(till: Till) -> None:
    """It failed, and may be asked again."""
    payment = _paid(till, "pm_refund_fails")

    failed = _refund(till, payment, 900)

    assert (failed.state, failed.code) == (RefundState.FAILED, "refund_failed")
    assert till.invoice(payment.invoice_id).status is InvoiceStatus.PAID
    assert _refund(till, payment, 900).id != failed.id
    till.check_books()


def test_a_payment_by_hand_is_given_back_by_hand(till: Till) -> None:
    """It is written down at once, and no provider is asked."""
    invoice = till.owe("ann")
    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="till", now=START)
    (payment,) = till.payments(invoice.id)

    assert _prepare(till, payment, 900).state is RefundState.SUCCEEDED

    assert till.balance(Account.CASH) == 0
    till.check_books()


@pytest.mark.parametrize(("end", "cash", "lost"), [("won", 900 - 1500, 0), ("lost", -1500, 900)])
def test_a_dispute_takes_the_money_until_it_is_decided(till: Till, end: str, cash: int, lost: int) -> None:
    """The fee is gone for good; what is won comes back, what is lost is bad debt; nothing is refunded meanwhile."""
    payment = _paid(till, "pm_disputed")
    assert payment.charge is not None
    opened = till.sandbox.dispute(payment.charge, "opened", at=START)

    assert (till.tell(opened), till.tell(opened)) == ("taken", "repeated")
    assert (till.balance(Account.IN_DISPUTE), till.balance(Account.FEES)) == (900, 1500)
    with pytest.raises(RefundOpenError):
        _prepare(till, payment, 900)
    assert till.tell(till.sandbox.dispute(payment.charge, end, at=START)) == "taken"

    assert till.balance(Account.IN_DISPUTE) == 0
    assert (till.balance(Account.CASH), till.balance(Account.BAD_DEBT)) == (cash, lost)
    with till.shop.database.view(till.shop.scope) as unit:
        (dispute,) = DisputeStore(unit).of_payment(payment.id)
    assert dispute.state is DisputeState(end)
    till.check_books()


def test_a_decision_that_overtakes_its_opening_opens_and_decides(till: Till) -> None:
    """Messages come in any order; the late opening changes nothing."""
    payment = _paid(till, "pm_disputed")
    charge = payment.charge or ""

    till.tell(till.sandbox.dispute(charge, "lost", at=START))
    till.tell(till.sandbox.dispute(charge, "opened", at=START))

    assert (till.balance(Account.IN_DISPUTE), till.balance(Account.BAD_DEBT)) == (0, 900)
    till.check_books()


def test_what_is_not_known_or_not_ours_is_kept_and_changes_nothing(till: Till) -> None:
    """An unknown kind is ignored, a charge of somebody else is not ours; both are stored."""
    data = {"reference": "sch_x", "key": "pat_x", "amount": 900, "currency": "EUR", "state": "succeeded"}

    assert till.tell(till.sandbox.message("weather.changed", {}, at=START, event_id="e1")) == "ignored"
    assert till.tell(till.sandbox.message("charge.succeeded", data, at=START, event_id="e2")) == "not_ours"

    with till.shop.database.view(till.shop.scope) as unit:
        store = ProviderEventStore(unit)
        assert [store.outcome("sandbox", each) for each in ("e1", "e2", "e3")] == ["ignored", "not_ours", None]


def test_a_message_that_fails_half_way_may_come_again(till: Till) -> None:
    """It is stored in the transaction that acts on it: an error leaves neither."""
    payment = _paid(till)
    refund = _prepare(till, payment, 500)
    data = {"reference": "sre_x", "key": refund.id, "amount": 400, "currency": "EUR", "state": "succeeded"}
    event = till.sandbox.parse_webhook(
        *till.sandbox.message("refund.succeeded", data, at=START, event_id="e1"), now=START
    )
    with pytest.raises(RefundError), till.shop.database.unit(till.shop.scope) as unit:
        take_event(unit, "sandbox", event, now=START)

    assert (
        till.tell(till.sandbox.message("refund.succeeded", {**data, "amount": 500}, at=START, event_id="e1")) == "taken"
    )


def test_a_message_must_prove_whose_it_is_and_be_fresh(till: Till) -> None:
    """A changed body, another secret, no header, an old or a future time: none is read."""
    headers, body = till.sandbox.message("weather.changed", {}, at=START)
    assert isinstance(till.sandbox.parse_webhook(headers, body, now=START), ProviderEvent)
    name, value = next(iter(headers.items()))
    for broken in ({}, {name: ""}, {name: value[:-1] + ("0" if value[-1] != "0" else "1")}, {name: "t=x,v1=é"}):
        with pytest.raises(SignatureError):
            till.sandbox.parse_webhook(broken, body, now=START)
    for other in (body + b" ", b""):
        with pytest.raises(SignatureError):
            till.sandbox.parse_webhook(headers, other, now=START)
    for away in (timedelta(seconds=301), timedelta(seconds=-301)):
        with pytest.raises(SignatureError, match="away from the present"):
            till.sandbox.parse_webhook(headers, body, now=START + away)
