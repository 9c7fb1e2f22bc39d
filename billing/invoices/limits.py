"""The least and the most that a plan's period may cost, as limits on the invoice that closes the period. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.invoices.build import metered_charges
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.commitment import SpendLimits
from billing.pricing.item import Scope
from billing.pricing.tax import UNTAXED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice, InvoiceLine
    from billing.pricing.tax import TaxTreatment

WHOLE = "whole_period"  # where a draft keeps the period that its usage is only a part of
_WHOLE_SHARE = Fraction(1)


def limits_of(
    invoice: Invoice, cards: Cards, fees: Mapping[str, Money], treatment: Callable[[InvoiceLine], TaxTreatment]
) -> tuple[SpendLimits, ...]:
    """The limits of each pinned version that has any. `fees` is what was asked for the closed period in advance, by version.

    They are about usage; fees, and changes in the period, count as billed before. Both limits shrink with a period that was cut short.
    """
    if invoice.period is None:
        return ()
    found = []
    metered = metered_charges(invoice, cards)
    for version_id in invoice.version_ids:
        terms = cards.versions[version_id].terms
        if terms.minimum is None and terms.maximum is None:
            continue
        plan = cards.versions[version_id].plan_key
        before = sum(
            (line.amount for line in invoice.lines if line.kind == "change" and line.version_id == version_id),
            fees.get(version_id, Money.zero(invoice.currency)),
        )
        sample = next((line for line in invoice.lines if line.version_id == version_id), None)
        found.append(
            SpendLimits(
                key=f"{plan}:spend",
                currency=invoice.currency,
                minimum=_money(terms.minimum, invoice.currency),
                maximum=_money(terms.maximum, invoice.currency),
                share=_share(invoice),
                already_billed=max(before, Money.zero(invoice.currency)),
                scope=Scope(
                    plans=frozenset({plan}),
                    charges=frozenset(charge.key for each, charge in metered if each == version_id),
                ),
                plan=plan,
                tax=UNTAXED if sample is None else treatment(sample),
            )
        )
    return tuple(found)


def cut_short(closes: Period | None, whole: Period) -> dict[str, Any]:
    """What a draft keeps so that limits can shrink with it: nothing where its usage is that of a whole period."""
    if closes is None or closes == whole:
        return {}
    return {WHOLE: {"start": whole.start.isoformat(), "end": whole.end.isoformat()}}


def _share(invoice: Invoice) -> Fraction:
    kept = invoice.summary.get(WHOLE)
    if kept is None or invoice.period is None:
        return _WHOLE_SHARE
    share = invoice.period.share_of(Period(parse_instant(kept["start"]), parse_instant(kept["end"])))
    return share or _WHOLE_SHARE


def _money(amount: Any, currency: str) -> Money | None:
    return None if amount is None else Money.round(amount, currency)
