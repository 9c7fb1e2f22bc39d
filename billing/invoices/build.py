"""From what is due to the lines of an invoice. Pure: it is given the fees, the waiting lines and the usage.

Order on the invoice: changes made in the period, the fees of the period to come, then the usage of the period that closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceLine
from billing.pricing.quote import priced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from billing.catalog.plan import PlanVersion
    from billing.kernel.period import Period
    from billing.pricing.ratecard import RateCard
    from billing.subscriptions.subscription import PendingLine


def change_lines(pending: Sequence[PendingLine]) -> list[InvoiceLine]:
    """The lines that changes produced, exactly as they were quoted."""
    return [
        InvoiceLine.untaxed(
            line.key, "change", line.amount, version_id=line.version_id, quote_id=line.quote_id, document=line.document
        )
        for line in pending
    ]


def fee_lines(subscription_id: str, number: int, period: Period, cards: dict[str, RateCard]) -> list[InvoiceLine]:
    """The fees of period `number` of a subscription, for each pinned version."""
    return [
        InvoiceLine.untaxed(
            f"fee:{subscription_id}:{number}:{version_id}:{line.key}",
            "recurring",
            line.amount,
            version_id=version_id,
            document=line.to_document(),
        )
        for version_id, card in cards.items()
        for line in card.fees(period)
    ]


def usage_lines(
    subscription_id: str,
    number: int,
    period: Period,
    cards: dict[str, RateCard],
    quantity_of: Callable[[str, Period], Decimal],
) -> list[InvoiceLine]:
    """The usage of period `number`, each metered charge rated once over the whole of it. `quantity_of` reads a meter."""
    lines = []
    for version_id, card in cards.items():
        for charge in card.metered:
            line = priced(charge, quantity_of(charge.meter or "", period), card.currency, period=period)
            lines.append(
                InvoiceLine.untaxed(
                    f"usage:{subscription_id}:{number}:{version_id}:{charge.key}",
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
