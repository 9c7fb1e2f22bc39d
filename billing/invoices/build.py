"""The lines of an invoice: changes made in a period, the fees of the period to come, then the usage of the period that closed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceLine
from billing.pricing.context import context_from
from billing.pricing.progressive import running_line
from billing.pricing.quote import priced
from billing.subscriptions.fees import fees_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from billing.catalog.plan import PlanVersion
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice
    from billing.kernel.money import Money
    from billing.pricing.charge import Charge, Usage
    from billing.subscriptions.subscription import PendingLine
    from billing.subscriptions.turn import Turn

    Billed = Mapping[tuple[str, str], Money]
    """What of a period was billed before, by version and charge."""


FACTS = "facts"  # where a draft keeps what the prices of its usage depend on


def change_lines(pending: Sequence[PendingLine]) -> list[InvoiceLine]:
    """The lines that changes produced, exactly as they were quoted."""
    return [
        InvoiceLine.untaxed(
            line.key,
            str(line.document.get("kind", "change")),
            line.amount,
            version_id=line.version_id,
            quote_id=line.quote_id,
            document=line.document,
        )
        for line in pending
    ]


def fee_lines(taken: Turn, cards: Cards) -> list[InvoiceLine]:
    """The fees of the period that a turn begins, for what is pinned from then on, in its seats and phase."""
    after = taken.after
    return [
        InvoiceLine.untaxed(
            f"fee:{after.id}:{after.sequence}:{version_id}:{line.key}",
            "recurring",
            line.amount,
            version_id=version_id,
            document=line.to_document(),
        )
        for version_id, seats in after.items
        for line in fees_of(
            cards.versions[version_id],
            after.currency,
            taken.fees,
            seats,
            phase=taken.phase if version_id == after.version_id else None,
            facts=after.facts,
            card=cards.of(version_id, after.currency),
        )
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


def usage_lines(
    invoice: Invoice, cards: Cards, usage_of: Callable[[Charge], Usage], billed: Billed | None = None
) -> list[InvoiceLine]:
    """The usage that an invoice closes, each metered charge rated over the whole period, less what threshold invoices billed of it."""
    return [
        _usage_line(invoice, version_id, charge, usage_of(charge), (billed or {}).get((version_id, charge.key)))
        for version_id, charge in metered_charges(invoice, cards)
    ]


def running_lines(
    invoice: Invoice, cards: Cards, usage_of: Callable[[Charge], Usage], billed: Billed
) -> list[InvoiceLine]:
    """The usage so far that is not billed yet; charges that are only priced by a whole period are left for its end."""
    return [
        _usage_line(invoice, version_id, charge, usage_of(charge), billed.get((version_id, charge.key)))
        for version_id, charge in metered_charges(invoice, cards)
        if charge.splits
    ]


def _usage_line(invoice: Invoice, version_id: str, charge: Charge, usage: Usage, billed: Money | None) -> InvoiceLine:
    facts = context_from(invoice.summary.get(FACTS))
    if billed is None:
        line = priced(charge, usage, invoice.currency, period=invoice.period, context=facts)
    else:
        line = running_line(charge, usage, billed, period=invoice.period, context=facts)
    part = str(invoice.sequence) if invoice.sequence is not None else invoice.id
    return InvoiceLine.untaxed(
        f"usage:{invoice.subscription_id}:{part}:{version_id}:{charge.key}",
        "usage",
        line.amount,
        version_id=version_id,
        document={**line.to_document(), "meter": charge.meter},
    )


def version_names(versions: Sequence[PlanVersion]) -> dict[str, str]:
    """What each version is called, for a page: `Plus, version 2`."""
    return {version.id: f"{version.plan_name}, version {version.number}" for version in versions}
