"""Putting a sold bundle onto an invoice: one of its own, issued at once, or the next one of the subscription."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from billing.bundles.lines import amount_of, line_key, lines_of
from billing.invoices.cards import Cards
from billing.invoices.deferred.lines import BUNDLE, defer
from billing.invoices.facts import Facts
from billing.invoices.finish import issue_rated
from billing.invoices.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceStatus
from billing.invoices.settlement import settled
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.subscription import PendingLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.bundles.bundle import BundleQuote
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription

NO_VERSION = ""


def invoice_bundle(unit: Unit, quote: BundleQuote, now: datetime) -> Invoice:
    """The invoice of a bundle, issued, booked and stored: taxes as on any other, paid from the customer's account and wallet first."""
    draft = _draft(quote, now)
    facts = Facts(unit, [draft], Cards(), now=now)
    rules = facts.settlement(draft, 0)
    if len({rules.tax_of(line) for line in draft.lines}) == 1:
        draft = replace(draft, lines=_lines(quote, lines_of(quote, together=True)))
    issued = issue_rated(unit, [settled(draft, rules)], facts, now=now)
    InvoiceStore(unit).add_many(issued)
    defer(unit, issued)
    return issued[0]


def _draft(quote: BundleQuote, now: datetime) -> Invoice:
    zero = Money.zero(quote.currency)
    return Invoice(
        id=new_id("inv"),
        kind=InvoiceKind.ONE_OFF,
        customer_id=quote.customer_id,
        subscription_id=None,
        sequence=None,
        status=InvoiceStatus.DRAFT,
        currency=quote.currency,
        period=None,
        version_ids=(),
        closes_at=now,
        created_at=now,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=_lines(quote, lines_of(quote)),
    )


def _lines(quote: BundleQuote, documents: Sequence[dict[str, Any]]) -> tuple[InvoiceLine, ...]:
    return tuple(
        InvoiceLine.untaxed(
            line_key(quote.id, number),
            BUNDLE,
            amount_of(document),
            version_id=NO_VERSION,
            quote_id=quote.id,
            document=document,
        )
        for number, document in enumerate(documents, start=1)
    )


def wait_for_invoice(unit: Unit, quote: BundleQuote, subscription: Subscription, now: datetime) -> None:
    """The lines of a bundle wait for the subscription's next invoice, at the price that was quoted whatever else is on it."""
    PendingLineStore(unit).add(
        PendingLine(
            key=line_key(quote.id, number),
            subscription_id=subscription.id,
            customer_id=quote.customer_id,
            version_id=NO_VERSION,
            quote_id=quote.id,
            document=document,
            amount=amount_of(document),
            created_at=now,
        )
        for number, document in enumerate(lines_of(quote), start=1)
    )
