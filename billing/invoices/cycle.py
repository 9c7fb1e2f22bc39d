"""Closing periods: one invoice per boundary that has passed, drafted in order, and the subscription carried forward.

Running it again changes nothing: what falls due is read from the subscription itself under its lock, and an invoice's
(subscription, sequence) is unique. Each subscription has a transaction of its own, so a run that stops half-way goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.build import change_lines, fee_lines
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.issue import issue
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.pricing.ratecard import read_card
from billing.subscriptions.cancel import end
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore, next_boundary

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.pricing.ratecard import RateCard
    from billing.subscriptions.subscription import Subscription

DEFAULT_GRACE = timedelta(days=1)


@dataclass(slots=True)
class RunReport:
    """What a billing run did; `failed` names what could not be billed, and why, and is tried again by the next run."""

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
        if not done.drafted:
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
    while subscription.is_running and next_boundary(subscription) <= now and report.drafted != most:
        invoice = _draft(unit, subscription, grace)
        subscription = _carried_forward(unit, subscription)
        report.drafted += 1
        if invoice.closes_at <= now:
            report.issued += issue(unit, invoice.id, now=now) is not None
    return report


def cards_of(unit: Unit, version_ids: tuple[str, ...]) -> dict[str, RateCard]:
    """The rate card of each version, in the order given."""
    versions = CatalogStore(unit).by_ids(version_ids)
    return {key: read_card(versions[key].charges, versions[key].currency) for key in version_ids}


def _draft(unit: Unit, subscription: Subscription, grace: timedelta) -> Invoice:
    number = subscription.billed_periods
    boundary = next_boundary(subscription)
    pending = PendingLineStore(unit).open(subscription.id, boundary)
    lines = change_lines(pending)
    if subscription.ends_at is None or boundary < subscription.ends_at:
        cards = cards_of(unit, subscription.version_ids)
        lines += fee_lines(subscription.id, number, subscription.cadence.period(number), cards)
    closed = subscription.cadence.period(number - 1) if number else None
    invoice = Invoice(
        id=new_id("inv"),
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        sequence=number,
        status=InvoiceStatus.DRAFT,
        currency=subscription.currency,
        period=closed,
        version_ids=subscription.version_ids,
        closes_at=boundary + grace if closed else boundary,
        created_at=boundary,
        credit=Money.zero(subscription.currency),
        lines=tuple(lines),
    )
    InvoiceStore(unit).add(invoice)
    PendingLineStore(unit).take([line.key for line in pending], invoice.id)
    return invoice


def _carried_forward(unit: Unit, subscription: Subscription) -> Subscription:
    boundary = next_boundary(subscription)
    if subscription.ends_at is not None and boundary >= subscription.ends_at:
        return end(unit, subscription, at=subscription.ends_at)
    moved = replace(subscription, billed_periods=subscription.billed_periods + 1)
    SubscriptionStore(unit).save(moved)
    return moved
