"""The lines of an invoice: changes made in a period, the fees of the period to come, then the usage of the period that closed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceLine
from billing.pricing.quote import priced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from billing.catalog.plan import PlanVersion
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice
    from billing.pricing.charge import Charge, Usage
    from billing.subscriptions.subscription import PendingLine
    from billing.subscriptions.turn import Turn


def change_lines(pending: Sequence[PendingLine]) -> list[InvoiceLine]:
    """The lines that changes produced, exactly as they were quoted."""
    return [
        InvoiceLine.untaxed(
            line.key, "change", line.amount, version_id=line.version_id, quote_id=line.quote_id, document=line.document
        )
        for line in pending
    ]


def fee_lines(taken: Turn, cards: Cards) -> list[InvoiceLine]:
    """The fees of the period that a turn begins, for each version that is pinned from then on."""
    after = taken.after
    return [
        InvoiceLine.untaxed(
            f"fee:{after.id}:{after.sequence}:{version_id}:{line.key}",
            "recurring",
            line.amount,
            version_id=version_id,
            document=line.to_document(),
        )
        for version_id, _seats in after.items
        for line in cards.of(version_id, after.currency).fees(taken.fees)
    ]


def metered_charges(invoice: Invoice, cards: Cards) -> list[tuple[str, Charge]]:
    """(version id, charge) of every charge that rates the usage of the period that an invoice closes."""
    if invoice.period is None:
        return []
    return [
        (version_id, charge)
        for version_id in invoice.version_ids
        for charge in cards.of(version_id, invoice.currency).metered
    ]


def usage_lines(invoice: Invoice, cards: Cards, usage_of: Callable[[Charge], Usage | Decimal]) -> list[InvoiceLine]:
    """The usage that an invoice closes, each metered charge rated once over the whole period."""
    lines = []
    for version_id, charge in metered_charges(invoice, cards):
        line = priced(charge, usage_of(charge), invoice.currency, period=invoice.period)
        lines.append(
            InvoiceLine.untaxed(
                f"usage:{invoice.subscription_id}:{invoice.sequence}:{version_id}:{charge.key}",
                "usage",
                line.amount,
                version_id=version_id,
                document=line.to_document(),
            )
        )
    return lines


def version_names(versions: Sequence[PlanVersion]) -> dict[str, str]:
    """What each version is called, for a page: `Plus, version 2`."""
    return {version.id: f"{version.plan_name}, version {version.number}" for version in versions}
