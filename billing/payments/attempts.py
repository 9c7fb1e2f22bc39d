"""Taking money for an invoice in two phases: an attempt is written down, the provider is asked, and its answer is written down.

The provider is asked while no transaction is open. A process that dies before it has written the answer leaves a prepared attempt behind,
which `recover` settles with the provider's own memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceStateError, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.invoices.void import mark_uncollectible
from billing.kernel.ids import new_id
from billing.payments.attempt import Attempt, AttemptOpenError, AttemptState, Method, NoMethodError, NotDueError
from billing.payments.collection_store import AttemptStore, DunningStore, MethodStore
from billing.payments.dunning import Dunning, DunningPolicy, DunningState, Terminal, is_due
from billing.payments.provider import MAX_REFERENCE, Outcome, Succeeded
from billing.payments.receive import receive_from_provider
from billing.subscriptions.cancel import PAYMENT, cancel_at_period_end
from billing.subscriptions.subscription import ChangeRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.invoices.invoice import Invoice
    from billing.payments.provider import PaymentProvider

CHARGEABLE = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID})
"""States of an invoice that money is asked for."""


def prepare_attempt(unit: Unit, invoice_id: str, provider: str, *, now: datetime, by_itself: bool = False) -> Attempt:
    """Write down that all that is due of an invoice is to be taken from its customer's default method.

    `by_itself` says that nobody asked for it: then only what the calendar has due is taken. Raises InvoiceStateError when nothing is to
    be taken, NotDueError, NoMethodError, and AttemptOpenError while another is under way.
    """
    invoice = InvoiceStore(unit).lock(invoice_id)
    if invoice.status not in CHARGEABLE or invoice.amount_due.amount_minor <= 0:
        raise InvoiceStateError(
            f"nothing is to be taken for an invoice that is {invoice.status.value}",
            invoice=invoice.id,
            status=invoice.status.value,
        )
    if by_itself and not is_due(DunningStore(unit).find(invoice.id), now):
        raise NotDueError("the calendar has no attempt for this invoice now", invoice=invoice.id)
    method = MethodStore(unit).defaults_of([invoice.customer_id]).get(invoice.customer_id)
    if method is None or method.provider != provider:
        raise NoMethodError("the customer has no payment method to charge", invoice=invoice.id)
    store = AttemptStore(unit)
    if store.open_invoices([invoice.id]):
        raise AttemptOpenError("an attempt for this invoice is under way", invoice=invoice.id)
    attempt = Attempt(
        id=new_id("pat"),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        method_id=method.id,
        provider=provider,
        number=store.last_number(invoice.id) + 1,
        amount=invoice.amount_due,
        state=AttemptState.PREPARED,
        prepared_at=now,
    )
    store.add(attempt)
    return attempt


def carry_out(
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    attempt_id: str,
    *,
    now: datetime,
    policy: DunningPolicy | None = None,
) -> Attempt:
    """Ask the provider for a prepared attempt and write down its answer. Raises ProviderUnavailableError when there was none."""
    with database.view(scope) as unit:
        attempt, method = attempt_with_method(unit, attempt_id)
    if attempt.state is not AttemptState.PREPARED:
        return attempt
    outcome = provider.charge(attempt.request(method))
    with database.unit(scope) as unit:
        return settle(unit, attempt_id, outcome, now=now, policy=policy)


def attempt_with_method(unit: Unit, attempt_id: str) -> tuple[Attempt, Method]:
    """An attempt and what it charges."""
    attempt = AttemptStore(unit).get(attempt_id)
    return attempt, MethodStore(unit).get(attempt.method_id)


def settle(
    unit: Unit, attempt_id: str, outcome: Outcome, *, now: datetime, policy: DunningPolicy | None = None
) -> Attempt:
    """Write down what a provider answered, with everything that follows from it. The same answer again changes nothing."""
    store = AttemptStore(unit)
    invoice = InvoiceStore(unit).lock(store.get(attempt_id).invoice_id)
    attempt = store.get(attempt_id)  # again: it may have been settled while we waited for the invoice
    later = attempt.after(outcome, now)
    if later == attempt:
        return attempt
    store.save(later)
    if later.state is AttemptState.SUCCEEDED and isinstance(outcome, Succeeded):
        receive_from_provider(unit, invoice, later, charge=outcome.reference[:MAX_REFERENCE], now=now)
    elif later.state is AttemptState.DECLINED:
        _declined(unit, invoice, later, now, policy or DunningPolicy())
    elif later.state is AttemptState.REVIEW:
        unit.emit("payment.review", later.id, _told(later), now)
    elif later.state is AttemptState.PENDING and attempt.state is AttemptState.PREPARED:
        unit.emit("payment.action_required", later.id, _told(later), now)
    return later


def give_up(unit: Unit, invoice_id: str, *, now: datetime, policy: DunningPolicy) -> bool:
    """End the collection of an invoice whose time is over; one that is not is left alone."""
    invoice = InvoiceStore(unit).lock(invoice_id)
    store = DunningStore(unit)
    dunning = store.find(invoice.id)
    if dunning is None or not dunning.is_overdue(now) or AttemptStore(unit).open_invoices([invoice.id]):
        return False
    store.save(dunning.given_up())
    _exhausted(unit, invoice, dunning.given_up(), now, policy)
    return True


def _declined(unit: Unit, invoice: Invoice, attempt: Attempt, now: datetime, policy: DunningPolicy) -> None:
    told = _told(attempt)
    if invoice.status in CHARGEABLE:
        store = DunningStore(unit)
        known = store.find(invoice.id) or Dunning(invoice_id=invoice.id, customer_id=invoice.customer_id)
        dunning = known.failed(
            at=now,
            method=attempt.method_id,
            code=attempt.code or "declined",
            retryable=bool(attempt.retryable),
            calendar=policy.calendar,
        )
        dunning = _with_newer_method(unit, dunning, now)
        store.save(dunning)
        told["next_attempt_at"] = dunning.next_attempt_at.isoformat() if dunning.next_attempt_at else None
        if dunning.state is DunningState.EXHAUSTED and known.state is not DunningState.EXHAUSTED:
            _exhausted(unit, invoice, dunning, now, policy)
    unit.emit("payment.failed", attempt.id, told, now)


def _with_newer_method(unit: Unit, dunning: Dunning, now: datetime) -> Dunning:
    """A method that was given while the blocked one was being tried helps at once."""
    default = MethodStore(unit).defaults_of([dunning.customer_id]).get(dunning.customer_id)
    if not dunning.waits_for_method or default is None:
        return dunning
    return dunning.method_changed(default.id, now)


def _exhausted(unit: Unit, invoice: Invoice, dunning: Dunning, now: datetime, policy: DunningPolicy) -> None:
    """What the shop wants done in the end."""
    if policy.terminal is Terminal.UNCOLLECTIBLE and invoice.status in CHARGEABLE:
        mark_uncollectible(unit, invoice.id, now=now)
    if policy.terminal is Terminal.CANCEL and invoice.subscription_id is not None:
        _cancel(unit, invoice.subscription_id, now)
    told = {"invoice": invoice.id, "customer": invoice.customer_id, "failures": dunning.failures}
    unit.emit("dunning.exhausted", f"{invoice.id}:{dunning.failures}", {**told, "then": policy.terminal.value}, now)


def _cancel(unit: Unit, subscription_id: str, now: datetime) -> None:
    try:
        cancel_at_period_end(unit, subscription_id, now=now, reason=PAYMENT)
    except ChangeRefusedError:
        return  # it has ended by itself


def _told(attempt: Attempt) -> dict[str, object]:
    return {
        "attempt": attempt.id,
        "invoice": attempt.invoice_id,
        "customer": attempt.customer_id,
        "number": attempt.number,
        "amount": attempt.amount.text,
        "currency": attempt.amount.currency,
        "code": attempt.code,
    }
