"""Collecting what is due: every unpaid invoice whose customer can be charged is tried when its calendar says so, one by one.

Customers without a payment method are left to pay by themselves. One customer's trouble does not stop the others, and a provider that gives
no answer is asked no more in this run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceStateError
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError, UptierError
from billing.payments.attempt import AttemptOpenError, AttemptState, NoMethodError
from billing.payments.attempts import carry_out, give_up, prepare_attempt
from billing.payments.collection_store import AttemptStore, DunningStore, MethodStore
from billing.payments.dunning import DunningPolicy, is_due
from billing.payments.provider import ProviderUnavailableError
from billing.payments.recover import IN_FLIGHT, recover

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.db.scope import Scope
    from billing.db.session import Database
    from billing.payments.attempt import Attempt
    from billing.payments.provider import PaymentProvider

BATCH = 500
_ANOTHERS = (AttemptOpenError, InvoiceStateError, NoMethodError, ConflictError)


@dataclass(slots=True)
class CollectReport:
    """What a run did: attempts by outcome, invoices given up, and (what, why) of what could not be done."""

    succeeded: int = 0
    declined: int = 0
    pending: int = 0
    unknown: int = 0
    given_up: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def note(self, attempt: Attempt) -> None:
        """Count an attempt's outcome."""
        if attempt.state is AttemptState.SUCCEEDED:
            self.succeeded += 1
        elif attempt.state is AttemptState.DECLINED:
            self.declined += 1
        else:
            self.pending += 1

    def fail(self, what: str, why: str) -> None:
        """Keep what went wrong."""
        self.failed.append((what, why))


def collect(
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    *,
    now: datetime,
    policy: DunningPolicy | None = None,
    batch: int = BATCH,
) -> CollectReport:
    """Try every invoice that is due for an attempt, and give up those whose time is over. Running it again tries nothing twice."""
    rules, report, after = policy or DunningPolicy(), CollectReport(), ""
    while True:
        with database.view(scope) as unit:
            unpaid = InvoiceStore(unit).unpaid(after=after, limit=batch)
            customers = dict(unpaid)
            methods = MethodStore(unit).defaults_of(set(customers.values()))
            dunnings = DunningStore(unit).of_invoices(customers)
            under_way = AttemptStore(unit).open_invoices(customers)
        for invoice_id, customer_id in unpaid:
            method = methods.get(customer_id)
            if method is None or method.provider != provider.name or invoice_id in under_way:
                continue
            if not is_due(dunnings.get(invoice_id), now):  # asked again under the invoice's lock
                continue
            if not _try(database, scope, provider, invoice_id, now, rules, report):
                return report
        if len(unpaid) < batch:
            break
        after = unpaid[-1][0]
    _give_up_overdue(database, scope, now, rules, report)
    return report


def run_payments(
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    *,
    now: datetime,
    policy: DunningPolicy | None = None,
    older_than: timedelta = IN_FLIGHT,
) -> CollectReport:
    """The worker's step for a tenant: settle what an earlier run left open, then collect what is due."""
    recover(database, scope, provider, now=now, policy=policy, older_than=older_than)
    return collect(database, scope, provider, now=now, policy=policy)


def _try(  # noqa: PLR0917 (the run's own things, handed down once)
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    invoice_id: str,
    now: datetime,
    policy: DunningPolicy,
    report: CollectReport,
) -> bool:
    """One invoice; False when the provider is away and nothing more should be asked of it."""
    try:
        with database.unit(scope) as unit:
            attempt = prepare_attempt(unit, invoice_id, provider.name, now=now, by_itself=True)
    except _ANOTHERS:
        return True  # somebody was faster, or it was paid meanwhile
    try:
        report.note(carry_out(database, scope, provider, attempt.id, now=now, policy=policy))
    except ProviderUnavailableError:
        report.unknown += 1
        return False
    except UptierError as error:
        report.fail(attempt.id, error.detail)
    return True


def _give_up_overdue(
    database: Database, scope: Scope, now: datetime, policy: DunningPolicy, report: CollectReport
) -> None:
    with database.view(scope) as unit:
        overdue = DunningStore(unit).overdue(now)
    for invoice_id in overdue:
        try:
            with database.unit(scope) as unit:
                report.given_up += give_up(unit, invoice_id, now=now, policy=policy)
        except UptierError as error:
            report.fail(invoice_id, error.detail)
