"""Usage that became known, or was corrected, after its invoice was final: the difference is billed by a line of its own.

The closed period is rated again as a whole. What it comes to now less what was billed for it, earlier corrections counted, is an adjustment
that names the invoice and line it corrects. It waits for the next invoice; of a subscription that has ended it is invoiced at once. Rating
again what has not changed makes nothing, so the job may run as often as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.invoices.build import change_lines, usage_lines
from billing.invoices.cards import Cards
from billing.invoices.deferred.lines import defer
from billing.invoices.facts import Facts
from billing.invoices.finish import issue_rated
from billing.invoices.invoice import Invoice, InvoiceKind, InvoiceStatus
from billing.invoices.past_store import PastStore
from billing.invoices.settlement import settled
from billing.invoices.store import InvoiceStore
from billing.invoices.usage import UsageReader
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.metering.store import EventStore
from billing.pricing.quote import money_document
from billing.pricing.rated import TraceStep
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import PendingLine
from billing.subscriptions.usage_store import UsageStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.invoices.invoice import InvoiceLine
    from billing.subscriptions.subscription import Subscription

JOB = "late_usage"
OVERLAP = timedelta(minutes=10)  # a transaction that was slow to commit is still met


@dataclass(slots=True)
class AdjustReport:
    """How many adjustments were made, and what could not be looked at."""

    adjusted: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def adjust_late(database: Database, scope: Scope, *, now: datetime) -> AdjustReport:
    """Look at everything that became known since the last run and dates from a period whose invoice is final."""
    report = AdjustReport()
    with database.view(scope) as unit:
        since = PastStore(unit).mark(JOB)
        spans = EventStore(unit).spans_known_since(since - OVERLAP) if since is not None else {}
        behind = UsageStore(unit).behind({customer: first for customer, (first, _) in spans.items()})
    for subscription_id in behind:
        try:
            with database.unit(scope) as unit:
                report.adjusted += _adjust(unit, subscription_id, spans, now)
        except UptierError as error:
            report.failed.append((subscription_id, error.detail))
    if not report.failed:
        with database.unit(scope) as unit:
            PastStore(unit).set_mark(JOB, now)
    return report


def _adjust(unit: Unit, subscription_id: str, spans: dict[str, tuple[datetime, datetime]], now: datetime) -> int:
    made = 0
    for subscription in SubscriptionStore(unit).lock_many([subscription_id]):
        first, last = spans[subscription.customer_id]
        lines = [
            line
            for invoice in InvoiceStore(unit).closed_within(subscription.id, first, last)
            for line in differences(unit, invoice, now)
        ]
        PendingLineStore(unit).add(lines)
        if lines and not subscription.is_running:
            _invoice_at_once(unit, subscription, lines, now)
        made += len(lines)
    return made


def differences(unit: Unit, invoice: Invoice, now: datetime) -> list[PendingLine]:
    """What the period that an invoice closed comes to now, less what was billed for it, by charge; nothing where nothing changed."""
    cards = Cards()
    cards.load(unit, {*invoice.version_ids, *(line.version_id for line in invoice.lines)})
    usage = UsageReader(unit)
    usage.read([invoice], cards)
    early = Facts(unit, [invoice], cards).billed_early(invoice)
    found = []
    for line in usage_lines(invoice, cards, usage.of(invoice), early):
        billed = next((each.amount for each in invoice.lines if each.key == line.key), Money.zero(invoice.currency))
        earlier = PendingLineStore(unit).starting_with(f"adjust:{line.key}:")
        before = sum((each.amount for each in earlier), billed)
        if line.amount != before:
            found.append(_pending(invoice, line, before, len(earlier), now))
    return found


def _pending(invoice: Invoice, line: InvoiceLine, before: Money, number: int, now: datetime) -> PendingLine:
    amount = line.amount - before
    steps = (
        TraceStep(
            rule="rated_again",
            detail="the period as it is known now",
            amount=Fraction(line.amount.to_decimal()),
        ),
        TraceStep(
            rule="billed_before", detail=f"billed before, on {invoice.number}", amount=-Fraction(before.to_decimal())
        ),
    )
    document: dict[str, Any] = {
        **line.document,
        "kind": "adjustment",
        "description": f"Correction of {line.document['description']}",
        "unit_price": None,
        "amount": money_document(amount),
        "trace": [step.to_document() for step in steps],
        "corrects": {"invoice": invoice.number, "line": line.key},
    }
    return PendingLine(
        key=f"adjust:{line.key}:{number}",
        subscription_id=invoice.subscription_id or "",
        customer_id=invoice.customer_id,
        version_id=line.version_id,
        quote_id=None,
        document=document,
        amount=amount,
        created_at=now,
    )


def _invoice_at_once(unit: Unit, subscription: Subscription, lines: Sequence[PendingLine], now: datetime) -> None:
    """The invoice of corrections that no further invoice of the subscription would carry."""
    zero, cards = Money.zero(subscription.currency), Cards()
    cards.load(unit, (line.version_id for line in lines))
    draft = Invoice(
        id=new_id("inv"),
        kind=InvoiceKind.ONE_OFF,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        sequence=None,
        status=InvoiceStatus.DRAFT,
        currency=subscription.currency,
        period=None,
        version_ids=tuple(sorted({line.version_id for line in lines})),
        closes_at=now,
        created_at=now,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=tuple(change_lines(lines)),
    )
    facts = Facts(unit, [draft], cards, now=now)
    whole = settled(draft, facts.settlement(draft, subscription.sequence))
    issued = issue_rated(unit, [whole], facts, now=now)
    InvoiceStore(unit).add_many(issued)
    defer(unit, issued)
    PendingLineStore(unit).take([line.key for line in lines], issued[0].id)
