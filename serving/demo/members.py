"""Members of the demonstration club: their subscriptions, replayed through the product's own use cases in order of time.

Every step first bills what has fallen due, as a running shop would have, so the invoices, rights and books are those of a shop that was
open all along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.invoices.cycle import bill_subscription, run_billing
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.payments.record import record_payment
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.change import change_now
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.subscriptions.subscription import Subscription

BILLED_EVERY = timedelta(days=7)
PAID_AFTER = timedelta(days=5)


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """What a member did: `kind` is started, changed or cancelled; `plan` is the plan or add-on (started later) from then on."""

    at: datetime
    customer: str
    kind: str
    plan: str


def replay(
    database: Database, scope: Scope, steps: Sequence[Step], *, progress: Callable[[int], None] | None = None
) -> None:
    """Take every step at its own time, with a billing run each week, so that numbers follow the calendar."""
    pending: list[Step] = []
    next_run = None
    for step in sorted(steps):
        next_run = next_run or step.at + BILLED_EVERY
        while step.at >= next_run:
            _take_all(database, scope, pending, progress)
            run_billing(database, scope, now=next_run)
            pending, next_run = [], next_run + BILLED_EVERY
        pending.append(step)
    _take_all(database, scope, pending, progress)


def _take_all(database: Database, scope: Scope, steps: Sequence[Step], progress: Callable[[int], None] | None) -> None:
    if steps:
        with database.unit(scope) as unit:
            for step in steps:
                _take(unit, step)
        if progress is not None:
            progress(len(steps))


def settle(
    database: Database, scope: Scope, *, now: datetime, progress: Callable[[int, int], None] | None = None
) -> int:
    """Bill up to now, and record payments for what was issued some days ago; the answer is how many invoices are paid."""
    run_billing(database, scope, now=now, progress=progress)
    paid, cursor = 0, None
    while True:
        with database.unit(scope) as unit:
            page = InvoiceStore(unit).page(limit=200, cursor=cursor, status=InvoiceStatus.ISSUED)
            for invoice in page.items:
                if invoice.issued_at is not None and invoice.issued_at + PAID_AFTER <= now:
                    at = invoice.issued_at + PAID_AFTER
                    record_payment(unit, invoice.id, reference=f"demo-{invoice.number}", now=at)
                    paid += 1
        cursor = page.next_cursor
        if cursor is None:
            return paid


def _take(unit: Unit, step: Step) -> None:
    running = _running(unit, step.customer, step.at)
    if step.kind == "started" and running is None:
        started = subscribe(unit, step.customer, step.plan, now=step.at)
        bill_subscription(unit, started.id, now=step.at)
    elif step.kind in {"started", "changed"} and running is not None and not running.owns(step.plan):
        change_now(unit, running.id, step.plan, now=step.at)
    elif step.kind == "cancelled" and running is not None and running.status is Status.ACTIVE:
        cancel_at_period_end(unit, running.id, now=step.at)


def _running(unit: Unit, customer_key: str, at: datetime) -> Subscription | None:
    customer = CustomerStore(unit).get(customer_key)
    found = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if found is None:
        return None
    bill_subscription(unit, found.id, now=at)
    current = SubscriptionStore(unit).get(found.id)
    return current if current.is_running else None
