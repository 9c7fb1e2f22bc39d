"""The billing run: everything that has fallen due for a tenant, in batches, by any number of workers side by side.

Running it again changes nothing: what falls due is read from each subscription under its lock, and an invoice's (subscription, sequence) is
unique. A worker takes what no other holds; each batch is one transaction, so a run that is killed loses at most the batch it was in and
goes on from there. One subscription's trouble does not stop the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from billing.invoices.batch import Run, RunReport, bill_batch, issue_batch
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.subscriptions.schedule import perform_all
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.subscriptions.subscription import Subscription

DEFAULT_GRACE = timedelta(days=1)
BATCH = 100


class _Step(Protocol):
    """One kind of work of a run: what to take on next, and what to do with it."""

    def claim(self, unit: Unit, limit: int, skip: Collection[str]) -> Sequence[str]:
        """Ids of due work that nobody else holds, locked until the unit ends."""
        ...

    def do(self, unit: Unit, ids: Sequence[str]) -> RunReport:
        """Do it; ids that are done already, or gone, are passed over."""
        ...


class _Bill:
    """Due instants of subscriptions become invoices."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def claim(self, unit: Unit, limit: int, skip: Collection[str]) -> Sequence[str]:
        return SubscriptionStore(unit).claim(self._run.now, limit=limit, skip=skip)

    def do(self, unit: Unit, ids: Sequence[str]) -> RunReport:
        held = perform_all(unit, SubscriptionStore(unit).lock_many(ids), self._run.now)
        return bill_batch(unit, [each for each in held if is_due(each, self._run.now)], self._run)


class _Issue:
    """Drafts whose time of grace is over become final."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def claim(self, unit: Unit, limit: int, skip: Collection[str]) -> Sequence[str]:
        return InvoiceStore(unit).claim_closing(self._run.now, limit=limit, skip=skip)

    def do(self, unit: Unit, ids: Sequence[str]) -> RunReport:
        drafts = InvoiceStore(unit).lock_many(ids)
        return issue_batch(unit, [draft for draft in drafts if draft.is_open], self._run)


def run_billing(
    database: Database,
    scope: Scope,
    *,
    now: datetime,
    grace: timedelta = DEFAULT_GRACE,
    progress: Callable[[int, int], None] | None = None,
    batch: int = BATCH,
) -> RunReport:
    """Bill everything that has fallen due for a tenant by `now`; what another worker holds is left to it."""
    run, report = Run(now, grace), RunReport()
    with database.view(scope) as unit:
        expected = SubscriptionStore(unit).count_due(now) + InvoiceStore(unit).count_closing(now)

    def tell() -> None:
        if progress is not None:
            done = report.taken + report.issued
            progress(done, max(expected, done))

    for step in (_Bill(run), _Issue(run)):
        _work(database, scope, step, report, batch=batch, tell=tell)
    return report


def _work(
    database: Database, scope: Scope, step: _Step, report: RunReport, *, batch: int, tell: Callable[[], None]
) -> None:
    """Batch after batch until nothing is due but what has failed; a batch that fails whole is done again one by one."""
    skip: set[str] = set()
    while True:
        ids: Sequence[str] = ()
        try:
            with database.unit(scope) as unit:
                ids = step.claim(unit, batch, skip)
                part = step.do(unit, ids) if ids else RunReport()
        except UptierError:
            part = RunReport()
            for each in ids:
                part.add(_alone(database, scope, step, each))
            if not ids:
                raise
        if not ids:
            return
        report.add(part)
        skip.update(failed for failed, _ in part.failed)
        tell()


def _alone(database: Database, scope: Scope, step: _Step, each: str) -> RunReport:
    try:
        with database.unit(scope) as unit:
            return step.do(unit, [each])
    except UptierError as error:
        return RunReport(failed=[(each, error.detail)])


def bill_subscription(
    unit: Unit, subscription_id: str, *, now: datetime, grace: timedelta = DEFAULT_GRACE, most: int | None = None
) -> RunReport:
    """Everything of one subscription that has fallen due (`most` instants of it), in the unit given."""
    run, report = Run(now, grace), RunReport()
    store = SubscriptionStore(unit)
    while report.taken != most:
        held = perform_all(unit, store.lock_many([subscription_id]), now)
        due = [each for each in held if is_due(each, now)]
        if not due:
            break
        part = bill_batch(unit, due, run)
        report.add(part)
        if part.failed or not part.taken:
            break
    return report


def is_due(subscription: Subscription, now: datetime) -> bool:
    """Whether something of a subscription has fallen due."""
    boundary = next_boundary(subscription)
    return boundary is not None and boundary <= now
