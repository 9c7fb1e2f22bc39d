"""From a turn of a subscription to the draft it makes: changes, fees of the period to come, usage still to be rated. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.invoices.build import FACTS, change_lines, fee_lines
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.limits import cut_short
from billing.kernel.ids import new_id
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from billing.invoices.cards import Cards
    from billing.subscriptions.subscription import PendingLine
    from billing.subscriptions.turn import Turn


def drafted(taken: Turn, pending: Sequence[PendingLine], cards: Cards, grace: timedelta) -> Invoice | None:
    """The invoice of a due instant, its usage not rated yet; None where nothing is billed. Only usage waits for what comes late."""
    before, at = taken.before, taken.at
    lines = change_lines([line for line in pending if line.created_at <= at])
    if taken.fees is not None:
        lines += fee_lines(taken, cards)
    metered = taken.closes is not None and any(
        cards.of(version_id, before.currency).metered for version_id in before.version_ids
    )
    if not lines and not metered:
        return None
    zero = Money.zero(before.currency)
    closes_at = at + grace if metered else at
    return Invoice(
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
        summary=_kept(taken) if metered else {},
        lines=tuple(lines),
    )


def _kept(taken: Turn) -> dict[str, Any]:
    """What rating the usage will need to know of the subscription as it was."""
    before = taken.before
    facts = before.facts.to_document()
    whole = before.cadence.period(before.billed_periods - 1)
    return {**cut_short(taken.closes, whole), **({FACTS: facts} if facts else {})}
