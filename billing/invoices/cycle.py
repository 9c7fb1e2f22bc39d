"""Closing periods: one invoice per boundary that has passed, drafted in order, and the subscription carried forward.

Running it again changes nothing: what falls due is read from the subscription itself under its lock, and an invoice's
(subscription, sequence) is unique. Each subscription has a transaction of its own, so a run that stops half-way goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.invoices.build import change_lines, fee_lines
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.issue import issue
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.pricing.ratecard import read_card
from billing.subscriptions.history import record
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.rights import grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary
from billing.subscriptions.turn import turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.pricing.ratecard import RateCard
    from billing.subscriptions.subscription import Subscription
    from billing.subscriptions.turn import Turn

DEFAULT_GRACE = timedelta(days=1)


@dataclass(slots=True)
class RunReport:
    """What a billing run did: due instants taken, invoices drafted and issued.

    `failed` names what could not be billed, and why, and is tried again by the next run.
    """

    taken: int = 0
    drafted: int = 0
    issued: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def run_billing(
    database: Database,
    scope: Scope,
    *,
    now: datetime,
    grace: timedelta = DEFAULT_GRACE,
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Bill everything that has fallen due for a tenant by `now`, one boundary a transaction; one's trouble does not stop the others."""
    report = RunReport()
    with database.view(scope) as unit:
        due = SubscriptionStore(unit).due(now)
        closing = InvoiceStore(unit).closing(now)
    for position, subscription_id in enumerate(due):
        try:
            _catch_up(database, scope, subscription_id, report, now=now, grace=grace)
        except UptierError as error:
            report.failed.append((subscription_id, error.detail))
        if progress is not None:
            progress(position + 1, len(due) + len(closing))
    for position, invoice_id in enumerate(closing):
        try:
            with database.unit(scope) as unit:
                report.issued += issue(unit, invoice_id, now=now) is not None
        except UptierError as error:
            report.failed.append((invoice_id, error.detail))
        if progress is not None:
            progress(len(due) + position + 1, len(due) + len(closing))
    return report


def _catch_up(
    database: Database, scope: Scope, subscription_id: str, report: RunReport, *, now: datetime, grace: timedelta
) -> None:
    while True:
        with database.unit(scope) as unit:
            done = bill_subscription(unit, subscription_id, now=now, grace=grace, most=1)
        report.drafted += done.drafted
        report.issued += done.issued
        report.taken += done.taken
        if not done.taken:
            return


def bill_subscription(
    unit: Unit,
    subscription_id: str,
    *,
    now: datetime,
    grace: timedelta = DEFAULT_GRACE,
    most: int | None = None,
) -> RunReport:
    """Draft an invoice for every boundary of one subscription that has passed (`most` of them), and issue those that need not wait."""
    report = RunReport()
    subscription = SubscriptionStore(unit).lock(subscription_id)
    while (boundary := next_boundary(subscription)) is not None and boundary <= now and report.taken != most:
        scheduled = [step.version_id for step in subscription.scheduled if step.version_id is not None]
        taken = turn(subscription, CatalogStore(unit).by_ids([*subscription.version_ids, *scheduled]))
        invoice = _draft(unit, taken, grace)
        subscription = _carry_forward(unit, taken, invoiced=invoice is not None)
        report.taken += 1
        if invoice is None:
            continue
        report.drafted += 1
        if invoice.closes_at <= now:
            report.issued += issue(unit, invoice.id, now=now) is not None
    return report


def cards_of(unit: Unit, version_ids: tuple[str, ...]) -> dict[str, RateCard]:
    """The rate card of each version, in the order given."""
    versions = CatalogStore(unit).by_ids(version_ids)
    return {key: read_card(versions[key].charges, versions[key].currency) for key in version_ids}


def _draft(unit: Unit, taken: Turn, grace: timedelta) -> Invoice | None:
    before, at = taken.before, taken.at
    pending = PendingLineStore(unit).open(before.id, at)
    lines = change_lines(pending)
    if taken.fees is not None:
        cards = cards_of(unit, taken.after.version_ids)
        lines += fee_lines(before.id, before.sequence, taken.fees, cards)
    if not lines and taken.closes is None:
        return None
    zero = Money.zero(before.currency)
    closes_at = at + grace if taken.closes else at
    invoice = Invoice(
        id=new_id("inv"),
        customer_id=before.customer_id,
        subscription_id=before.id,
        sequence=before.sequence,
        status=InvoiceStatus.IN_GRACE if closes_at > at else InvoiceStatus.DRAFT,
        currency=before.currency,
        period=taken.closes,
        version_ids=before.version_ids,
        closes_at=closes_at,
        created_at=at,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=tuple(lines),
    )
    InvoiceStore(unit).add(invoice)
    PendingLineStore(unit).take([line.key for line in pending], invoice.id)
    return invoice


def _carry_forward(unit: Unit, taken: Turn, *, invoiced: bool) -> Subscription:
    after = replace(taken.after, sequence=taken.after.sequence + 1) if invoiced else taken.after
    SubscriptionStore(unit).save(after)
    grants = GrantStore(unit)
    for source in taken.rights_end:
        grants.end(after.id, taken.at, source_key=source)
    versions = CatalogStore(unit).by_ids(taken.rights_begin)
    for version in versions.values():
        grants.add(grants_of(version, after, taken.at))
    for kind in taken.told:
        record(unit, after, kind, at=taken.at)
    return after
