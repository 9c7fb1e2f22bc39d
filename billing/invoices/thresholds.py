"""Progressive billing: usage that crosses an amount the plan names is billed at once, and spend alerts are told once a period.

A threshold invoice takes what the period's usage is worth so far, less what earlier ones of the period took; the invoice that closes the
period does the same, so that together they are what one invoice would have been. Charges that choose one price by the whole period's usage
wait for its end and count towards no threshold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.batch import Run, RunReport
from billing.invoices.build import FACTS, running_lines
from billing.invoices.deferred.lines import defer
from billing.invoices.facts import Facts
from billing.invoices.finish import issue_rated
from billing.invoices.invoice import Invoice, InvoiceKind, InvoiceStatus
from billing.invoices.settlement import settled
from billing.invoices.store import InvoiceStore
from billing.invoices.usage import UsageReader
from billing.kernel.clock import format_instant
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.progressive import crossed
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.usage_store import UsageStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta
    from decimal import Decimal

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.subscriptions.subscription import Subscription

BATCH = 100


def bill_thresholds(
    database: Database, scope: Scope, *, now: datetime, grace: timedelta, batch: int = BATCH
) -> RunReport:
    """Look at every running subscription whose plan names thresholds or alerts; running it again at one instant changes nothing."""
    run, report, after = Run(now, grace), RunReport(), ""
    with database.view(scope) as unit:
        watched = CatalogStore(unit).watched_versions()
    while watched:
        with database.view(scope) as unit:
            ids = UsageStore(unit).running_on(watched, after=after, limit=batch)
        for subscription_id in ids:
            try:
                with database.unit(scope) as unit:
                    report.add(_look(unit, subscription_id, run))
            except UptierError as error:
                report.failed.append((subscription_id, error.detail))
        if len(ids) < batch:
            break
        after = ids[-1]
    return report


def _look(unit: Unit, subscription_id: str, run: Run) -> RunReport:
    """One subscription: tell what alerts were crossed, and bill what is unbilled if a threshold was."""
    for subscription in SubscriptionStore(unit).lock_many([subscription_id]):
        if not subscription.usage_from < run.now < subscription.cadence.boundary(subscription.billed_periods):
            return RunReport()
        run.cards.load(unit, subscription.version_ids)
        terms = run.cards.versions[subscription.version_id].terms
        draft = _draft(subscription, run.now)
        usage, facts = UsageReader(unit), Facts(unit, [draft], run.cards, now=run.now)
        usage.read([draft], run.cards)
        billed = facts.billed_early(draft)
        lines = running_lines(draft, run.cards, usage.of(draft), billed)
        before = _sum(billed.values(), draft.currency)
        worth = before + _sum((line.amount for line in lines), draft.currency)
        _alert(unit, subscription, worth, _amounts(terms.alerts, draft.currency), run.now)
        if crossed(_amounts(terms.thresholds, draft.currency), before, worth) is None:
            return RunReport()
        whole = replace(draft, summary={}, lines=tuple(line for line in lines if line.amount.amount_minor))
        issued = issue_rated(unit, [settled(whole, facts.settlement(whole, subscription.sequence))], facts, now=run.now)
        InvoiceStore(unit).add_many(issued)
        defer(unit, issued)
        return RunReport(drafted=1, issued=1)
    return RunReport()


def _draft(subscription: Subscription, now: datetime) -> Invoice:
    zero = Money.zero(subscription.currency)
    return Invoice(
        id=new_id("inv"),
        kind=InvoiceKind.THRESHOLD,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        sequence=None,
        status=InvoiceStatus.DRAFT,
        currency=subscription.currency,
        period=Period(subscription.usage_from, now),
        version_ids=subscription.version_ids,
        closes_at=now,
        created_at=now,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        summary={FACTS: subscription.facts.to_document()},
    )


def _alert(unit: Unit, subscription: Subscription, worth: Money, alerts: Sequence[Money], now: datetime) -> None:
    """Tell of each alert that the usage has reached; the period is in the key, so that each is told once a period."""
    start = format_instant(subscription.usage_from)
    for alert in alerts:
        if alert <= worth:
            payload = {
                "subscription": subscription.id,
                "alert": alert.text,
                "usage": worth.text,
                "currency": worth.currency,
            }
            unit.emit_once("usage.alert", f"{subscription.id}:{start}:{alert.text}", payload, now)


def _amounts(given: Iterable[Decimal], currency: str) -> list[Money]:
    return [Money.round(amount, currency) for amount in given]


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return sum(amounts, Money.zero(currency))
