"""Collecting: what is due is taken once, declines are tried again by the calendar, and lost answers are neither lost nor doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from billing.db.tables import OutboxRow
from billing.invoices.invoice import InvoiceStateError, InvoiceStatus
from billing.kernel.errors import ConflictError
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.payments.attempt import AttemptOpenError, AttemptState, NoMethodError, NotDueError
from billing.payments.attempts import carry_out, prepare_attempt, settle
from billing.payments.collect import collect, run_payments
from billing.payments.collection_store import DunningStore
from billing.payments.dunning import DunningPolicy, DunningState, RetryCalendar, Terminal
from billing.payments.provider import ProviderUnavailableError, Succeeded
from billing.payments.record import record_payment
from billing.payments.recover import recover
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import Status
from tests.billing.payments.till import Till, open_till
from tests.shop import START

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.payments.collect import CollectReport

DAY = timedelta(days=1)
AT_ONCE = timedelta()


@pytest.fixture
def till(database: Database) -> Till:
    """A shop with ann and bob."""
    return open_till(database)


def _collect(till: Till, days: int = 0, policy: DunningPolicy | None = None) -> CollectReport:
    return collect(till.shop.database, till.shop.scope, till.sandbox, now=START + days * DAY, policy=policy)


def _told(till: Till) -> list[str]:
    with till.shop.database.view(till.shop.scope) as unit:
        kinds = [row.kind for row in unit.session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    return [kind for kind in kinds if kind.startswith(("payment.", "invoice.paid", "dunning."))]


def test_what_is_due_is_taken_once(till: Till) -> None:
    """The invoice is paid, the books and the provider agree, and a second run finds nothing to do."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")

    first, second = _collect(till), _collect(till)

    assert (first.succeeded, second.succeeded) == (1, 0)
    paid = till.invoice(invoice.id)
    assert (paid.status, paid.paid.text, paid.amount_due.text) == (InvoiceStatus.PAID, "9.00", "0.00")
    assert till.takings() == till.balance(Account.CASH) == 900
    assert _told(till) == ["payment.succeeded", "invoice.paid"]
    till.check_books()


def test_who_has_no_method_pays_by_hand_in_parts(till: Till) -> None:
    """Nothing is tried; a part makes it partly paid, the rest pays it, and more than is due is refused."""
    invoice = till.owe("ann")
    assert _collect(till).succeeded == 0
    with till.shop.database.unit(till.shop.scope) as unit:
        part = record_payment(unit, invoice.id, reference="till-1", now=START, amount=Money(300, "EUR"))
        again = record_payment(unit, invoice.id, reference="till-1", now=START, amount=Money(300, "EUR"))
    assert part.status is again.status is InvoiceStatus.PARTLY_PAID
    with pytest.raises(ConflictError), till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="till-1", now=START, amount=Money(200, "EUR"))
    till.give("ann", "pm_ok")

    _collect(till)

    assert [payment.amount.text for payment in till.payments(invoice.id)] == ["3.00", "6.00"]
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    till.check_books()


def test_a_decline_is_tried_again_on_its_day_and_not_before(till: Till) -> None:
    """Insufficient funds today, tried again after two days, and what was past due is recovered."""
    invoice = till.owe("ann")
    till.give("ann", "pm_insufficient_then_ok")

    assert _collect(till).declined == 1
    dunning = till.dunning(invoice.id)
    assert dunning is not None
    assert (dunning.state, dunning.next_attempt_at) == (DunningState.PAST_DUE, START + 2 * DAY)
    with till.shop.database.view(till.shop.scope) as unit:
        moments = [DunningStore(unit).next_due(START + days * DAY) for days in (0, 1, 2)]
    assert moments == [START + 2 * DAY, START + 2 * DAY, None]
    assert (_collect(till, 1).succeeded, _collect(till, 2).succeeded) == (0, 1)

    dunning = till.dunning(invoice.id)
    assert dunning is not None
    assert dunning.state is DunningState.RECOVERED
    assert _told(till) == ["payment.failed", "payment.succeeded", "invoice.paid", "payment.recovered"]
    till.check_books()


@pytest.mark.parametrize(
    ("terminal", "status"),
    [
        (Terminal.UNCOLLECTIBLE, InvoiceStatus.UNCOLLECTIBLE),
        (Terminal.CANCEL, InvoiceStatus.ISSUED),
        (Terminal.KEEP_OPEN, InvoiceStatus.ISSUED),
    ],
)
def test_after_the_last_attempt_the_policy_decides(till: Till, terminal: Terminal, status: InvoiceStatus) -> None:
    """Five attempts on days 0, 2, 7, 14 and 21; then the shop's choice, told once."""
    policy = DunningPolicy(terminal=terminal)
    invoice = till.owe("ann")
    till.give("ann", "pm_declined")

    for day in range(30):
        _collect(till, day, policy)

    assert [(each.prepared_at - START).days for each in till.attempts(invoice.id)] == [0, 2, 7, 14, 21]
    assert till.invoice(invoice.id).status is status
    assert _told(till).count("dunning.exhausted") == 1
    with till.shop.database.view(till.shop.scope) as unit:
        subscription = SubscriptionStore(unit).get(invoice.subscription_id or "")
        cancelled = [step[-1] for step in HistoryStore(unit).history_before(START + 90 * DAY) if step[1] == "cancelled"]
    assert (subscription.status is Status.CANCELLING) == (terminal is Terminal.CANCEL)
    assert cancelled == (["payment"] if terminal is Terminal.CANCEL else [])
    assert till.balance(Account.BAD_DEBT) == (900 if terminal is Terminal.UNCOLLECTIBLE else 0)
    till.check_books()


def test_a_late_payment_mends_an_invoice_that_was_given_up(till: Till) -> None:
    """It goes against bad debt, not against a receivable that is no more."""
    invoice = till.owe("ann")
    till.give("ann", "pm_declined")
    _collect(till, 0, DunningPolicy(calendar=RetryCalendar(())))
    assert till.invoice(invoice.id).status is InvoiceStatus.UNCOLLECTIBLE

    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="late", now=START + 40 * DAY)

    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert (till.balance(Account.BAD_DEBT), till.balance(Account.CASH)) == (0, 900)
    till.check_books()


def test_a_stolen_card_is_not_tried_again_and_a_new_one_at_once(till: Till) -> None:
    """No attempt on any later day until the customer gives another method."""
    invoice = till.owe("ann")
    till.give("ann", "pm_stolen")
    for day in range(6):
        _collect(till, day)
    assert len(till.attempts(invoice.id)) == 1

    till.give("ann", "pm_ok", START + 6 * DAY)

    assert _collect(till, 6).succeeded == 1
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID


def test_without_a_new_card_it_is_given_up_when_the_calendar_has_run_out(till: Till) -> None:
    """On day 21, as if it had been tried."""
    invoice = till.owe("ann")
    till.give("ann", "pm_stolen")

    reports = [_collect(till, day) for day in range(23)]

    assert [day for day, report in enumerate(reports) if report.given_up] == [21]
    assert till.invoice(invoice.id).status is InvoiceStatus.UNCOLLECTIBLE
    till.check_books()


def test_a_lost_answer_is_looked_up_and_not_asked_again(till: Till) -> None:
    """The money was taken; nothing is tried while that is unknown, and recovery books it once."""
    invoice = till.owe("ann")
    till.give("ann", "pm_timeout_after_charge")

    assert _collect(till).unknown == 1
    assert _collect(till, 1).unknown == 0
    assert [each.state for each in till.attempts(invoice.id)] == [AttemptState.PREPARED]
    assert (till.takings(), till.balance(Account.CASH)) == (900, 0)
    report = recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    assert report.settled == 1
    assert till.takings() == till.balance(Account.CASH) == 900
    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE).settled == 0
    till.check_books()


def test_an_attempt_that_never_left_is_asked_again_while_it_is_wanted(till: Till) -> None:
    """A process that ended right after writing it down: the provider never saw it."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    with till.shop.database.unit(till.shop.scope) as unit:
        prepare_attempt(unit, invoice.id, "sandbox", now=START)

    assert run_payments(till.shop.database, till.shop.scope, till.sandbox, now=START + DAY).succeeded == 0

    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert till.takings() == 900


def test_an_attempt_that_never_left_is_abandoned_when_it_was_paid_otherwise(till: Till) -> None:
    """Nothing is taken, and the invoice stays paid by hand."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    with till.shop.database.unit(till.shop.scope) as unit:
        prepare_attempt(unit, invoice.id, "sandbox", now=START)
        record_payment(unit, invoice.id, reference="till", now=START)

    report = recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    assert (report.abandoned, till.takings()) == (1, 0)
    assert till.attempts(invoice.id)[0].state is AttemptState.ABANDONED


def test_money_that_was_not_needed_any_more_becomes_credit(till: Till) -> None:
    """The provider took it while a part was paid by hand: the customer has the surplus, and nobody loses it."""
    invoice = till.owe("ann")
    till.give("ann", "pm_timeout_after_charge")
    _collect(till)
    with till.shop.database.unit(till.shop.scope) as unit:
        record_payment(unit, invoice.id, reference="till", now=START, amount=Money(400, "EUR"))

    recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    by_hand, taken = till.payments(invoice.id)
    assert (by_hand.amount.text, taken.amount.text, taken.surplus.text) == ("4.00", "9.00", "4.00")
    assert till.balance(Account.CUSTOMER_CREDIT) == 400
    assert till.balance(Account.CASH) == 1300
    till.check_books()


def test_a_success_that_comes_after_all_is_never_lost(till: Till) -> None:
    """An abandoned attempt that the provider carried out later is booked."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    with till.shop.database.unit(till.shop.scope) as unit:
        attempt = prepare_attempt(unit, invoice.id, "sandbox", now=START)
        record_payment(unit, invoice.id, reference="till", now=START)
    recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    with till.shop.database.unit(till.shop.scope) as unit:
        settled = settle(unit, attempt.id, Succeeded(reference="x", amount=Money(900, "EUR")), now=START)

    assert settled.state is AttemptState.SUCCEEDED
    assert till.balance(Account.CUSTOMER_CREDIT) == 900


def test_a_provider_that_is_away_ends_the_run_and_loses_nothing(till: Till) -> None:
    """The attempt stays open; when it can be reached again it is settled."""
    invoice = till.owe("ann")
    till.give("ann", "pm_unreachable")

    report = _collect(till)
    again = recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    assert (report.unknown, len(again.open)) == (1, 1)
    assert till.attempts(invoice.id)[0].is_open
    assert till.takings() == till.balance(Account.CASH) == 0


def test_one_charge_that_cannot_be_looked_up_does_not_keep_others_from_it(till: Till) -> None:
    """The first stays open, the second is settled."""
    stuck, other = till.owe("ann"), till.owe("bob")
    till.give("ann", "pm_unreachable")
    till.give("bob", "pm_timeout_after_charge")
    _collect(till)
    _collect(till)

    report = recover(till.shop.database, till.shop.scope, till.sandbox, now=START, older_than=AT_ONCE)

    assert (report.settled, len(report.open)) == (1, 1)
    assert till.invoice(other.id).status is InvoiceStatus.PAID
    assert till.attempts(stuck.id)[0].is_open


def test_a_wrong_amount_is_not_booked_and_keeps_everybody_away(till: Till) -> None:
    """People must look; nothing else is tried for this invoice."""
    invoice = till.owe("ann")
    till.give("ann", "pm_ok")
    with till.shop.database.unit(till.shop.scope) as unit:
        attempt = prepare_attempt(unit, invoice.id, "sandbox", now=START)
        wrong = settle(unit, attempt.id, Succeeded(reference="x", amount=Money(901, "EUR")), now=START)

    assert (wrong.state, wrong.code) == (AttemptState.REVIEW, "amount_mismatch")
    assert _collect(till, 5).succeeded == 0
    assert till.balance(Account.CASH) == 0
    assert _told(till) == ["payment.review"]


def test_two_attempts_for_one_invoice_cannot_be_open(till: Till) -> None:
    """Nor one for a customer without a method, nor one for a paid invoice."""
    invoice, other = till.owe("ann"), till.owe("bob")
    till.give("ann", "pm_ok")
    with till.shop.database.unit(till.shop.scope) as unit:
        attempt = prepare_attempt(unit, invoice.id, "sandbox", now=START)
        with pytest.raises(AttemptOpenError):
            prepare_attempt(unit, invoice.id, "sandbox", now=START)
        with pytest.raises(NoMethodError):
            prepare_attempt(unit, other.id, "sandbox", now=START)
    carry_out(till.shop.database, till.shop.scope, till.sandbox, attempt.id, now=START)
    with pytest.raises(InvoiceStateError), till.shop.database.unit(till.shop.scope) as unit:
        prepare_attempt(unit, invoice.id, "sandbox", now=START)


def test_a_pending_charge_waits_for_its_message(till: Till) -> None:
    """No second attempt meanwhile; the message pays the invoice, once however often it comes."""
    invoice = till.owe("ann")
    till.give("ann", "pm_pending")
    assert _collect(till).pending == 1
    assert _collect(till, 3).pending == 0
    (attempt,) = till.attempts(invoice.id)
    message = till.sandbox.confirm(attempt.reference or "", at=START)

    assert (till.tell(message), till.tell(message)) == ("taken", "repeated")

    assert till.invoice(invoice.id).status is InvoiceStatus.PAID
    assert till.takings() == till.balance(Account.CASH) == 900


def test_who_is_past_due_is_found_by_customer(till: Till) -> None:
    """Only those, with the invoice that waits for longest."""
    invoice = till.owe("ann")
    till.owe("bob")
    till.give("ann", "pm_declined")
    till.give("bob", "pm_ok")
    _collect(till)
    with till.shop.database.view(till.shop.scope) as unit:
        found = DunningStore(unit).past_due_of([invoice.customer_id, "cus_nobody"])

    assert list(found) == [invoice.customer_id]
    assert found[invoice.customer_id].past_due_at == START


def test_asking_the_provider_that_is_away_says_so(till: Till) -> None:
    """The caller learns that the outcome is unknown."""
    invoice = till.owe("ann")
    till.give("ann", "pm_unreachable")
    with till.shop.database.unit(till.shop.scope) as unit:
        attempt = prepare_attempt(unit, invoice.id, "sandbox", now=START)

    with pytest.raises(ProviderUnavailableError):
        carry_out(till.shop.database, till.shop.scope, till.sandbox, attempt.id, now=START)


def test_what_another_process_did_meanwhile_is_seen_under_the_lock(till: Till) -> None:
    """A run that read before another one tried, or gave back, does not try on top of it; a person may."""
    invoice = till.owe("ann")
    till.give("ann", "pm_insufficient_then_ok")
    _collect(till)

    with pytest.raises(NotDueError), till.shop.database.unit(till.shop.scope) as unit:
        prepare_attempt(unit, invoice.id, "sandbox", now=START, by_itself=True)
    with till.shop.database.unit(till.shop.scope) as unit:
        assert prepare_attempt(unit, invoice.id, "sandbox", now=START).number == 2
