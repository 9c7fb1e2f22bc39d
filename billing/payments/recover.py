"""After a crash or a lost answer: attempts and refunds whose outcome we never wrote down are settled by the provider's own memory.

What the provider never saw is asked for again under the same key while it is still wanted, so that an asker that is merely slow cannot be
doubled; what is not wanted any more is abandoned. Neither lost nor doubled, however often it runs and wherever it is killed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.payments.attempt import AttemptState
from billing.payments.attempts import CHARGEABLE, attempt_with_method, settle
from billing.payments.collection_store import AttemptStore
from billing.payments.provider import ProviderUnavailableError
from billing.payments.refund import settle_refund
from billing.payments.store import PaymentStore, RefundStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database
    from billing.payments.attempt import Attempt
    from billing.payments.dunning import DunningPolicy
    from billing.payments.payment import Refund
    from billing.payments.provider import PaymentProvider

_SILENCE = 3  # so many in a row without an answer, and the provider is taken to be away
IN_FLIGHT = timedelta(minutes=2)
"""How long another process may still be waiting for its answer; longer than any time-out of a provider's client."""


@dataclass(slots=True)
class RecoverReport:
    """How many attempts and refunds were settled, and (what, why) of those that are still open."""

    settled: int = 0
    abandoned: int = 0
    open: list[tuple[str, str]] = field(default_factory=list)


def recover(
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    *,
    now: datetime,
    policy: DunningPolicy | None = None,
    older_than: timedelta = IN_FLIGHT,
) -> RecoverReport:
    """Settle everything of a tenant whose outcome is unknown for longer than `older_than`."""
    report, after, silent = RecoverReport(), "", 0
    while True:
        with database.view(scope) as unit:
            attempts = AttemptStore(unit).unsettled(provider.name, now - older_than, after=after)
        for attempt in attempts:
            try:
                _recover_attempt(database, scope, provider, attempt, now, policy, report)
                silent = 0
            except UptierError as error:
                silent = silent + 1 if isinstance(error, ProviderUnavailableError) else 0
                report.open.append((attempt.id, error.detail))
            if silent == _SILENCE:
                return report
        if not attempts:
            break
        after = attempts[-1].id
    _recover_refunds(database, scope, provider, now, older_than, report)
    return report


def _recover_attempt(  # noqa: PLR0917 (the run's own things, handed down once)
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    attempt: Attempt,
    now: datetime,
    policy: DunningPolicy | None,
    report: RecoverReport,
) -> None:
    with database.view(scope) as unit:
        _, method = attempt_with_method(unit, attempt.id)
        invoice = InvoiceStore(unit).get(attempt.invoice_id)
    request = attempt.request(method)
    outcome = provider.lookup(request)
    if outcome is None and invoice.status in CHARGEABLE and invoice.amount_due == attempt.amount:
        outcome = provider.charge(request)
    with database.unit(scope) as unit:
        if outcome is not None:
            settled = settle(unit, attempt.id, outcome, now=now, policy=policy)
            report.settled += settled.state is not AttemptState.PENDING
            return
        InvoiceStore(unit).lock(attempt.invoice_id)
        present = AttemptStore(unit).get(attempt.id)
        if present.state is AttemptState.PREPARED:
            AttemptStore(unit).save(present.abandoned(now))
            report.abandoned += 1


def _recover_refunds(  # noqa: PLR0917 (as above)
    database: Database,
    scope: Scope,
    provider: PaymentProvider,
    now: datetime,
    older_than: timedelta,
    report: RecoverReport,
) -> None:
    with database.view(scope) as unit:
        open_refunds = RefundStore(unit).unsettled(now - older_than)
        payments = {refund.id: PaymentStore(unit).get(refund.payment_id) for refund in open_refunds}
    for refund in open_refunds:
        payment = payments[refund.id]
        if payment.provider != provider.name:
            continue
        request = refund.request(payment)
        try:
            outcome = provider.lookup_refund(request) or provider.refund(request)
            with database.unit(scope) as unit:
                settle_refund(unit, refund.id, outcome, now=now)
            report.settled += 1
        except UptierError as error:
            report.open.append(_still_open(refund, error))


def _still_open(refund: Refund, error: UptierError) -> tuple[str, str]:
    return refund.id, error.detail
