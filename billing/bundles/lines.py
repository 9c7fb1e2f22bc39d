"""From a quoted bundle to the line that an invoice carries for it, whose document names the parts to the cent. Pure.

A line of an invoice has one treatment of tax (EN 16931: every line is in one VAT category with one rate, BG-30), so parts that are taxed
differently cannot share one: a bundle of them is a line for each tax class, which say that they belong together and add up to its price.
What the line earns at once and what over time is kept as the share of its services (IFRS 15.74: by relative stand-alone prices).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.invoices.deferred.lines import BUNDLE, SERVICE
from billing.invoices.facts import TAX
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.quote import money_document, period_document
from billing.pricing.rated import TraceStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.bundles.bundle import BundleQuote, QuotedPart

_LONGEST_NAMES = 200


def lines_of(quote: BundleQuote, *, together: bool = False) -> list[dict[str, Any]]:
    """The documents of a bundle's lines: one, or one a tax class; their amounts add up to what was quoted.

    `together` is for who knows that these parts are taxed alike: then it is one line whatever their classes.
    """
    groups: dict[tuple[str, bool], list[QuotedPart]] = {}
    for part in quote.parts:
        groups.setdefault(("", False) if together else (part.tax_class, part.tax_inclusive), []).append(part)
    return [_line(quote, parts, number=number, of=len(groups)) for number, parts in enumerate(groups.values(), start=1)]


def line_key(quote_id: str, number: int) -> str:
    """The key of a bundle's line, by its place: one fact is billed once."""
    return f"bundle:{quote_id}:{number}"


def amount_of(document: dict[str, Any]) -> Money:
    """What a line's document asks for."""
    return Money.of(document["amount"]["amount"], document["amount"]["currency"])


def _line(quote: BundleQuote, parts: Sequence[QuotedPart], *, number: int, of: int) -> dict[str, Any]:
    amount = sum((part.price for part in parts), Money.zero(quote.currency))
    place = "" if of == 1 else f" ({number} of {of})"
    document: dict[str, Any] = {
        "key": "bundle",
        "kind": BUNDLE,
        "description": f"Bundle{place}: {_names(parts)}",
        "quantity": "1",
        "unit_price": amount.text,
        "amount": money_document(amount),
        "period": None,
        "trace": [_step(part).to_document() for part in parts],
        "bundle": quote.id,
        "parts": [part_document(part) for part in parts],
        TAX: {"class": parts[0].tax_class, "inclusive": parts[0].tax_inclusive},
    }
    service = _service(parts, quote.currency)
    return document if service is None else {**document, SERVICE: service}


def part_document(part: QuotedPart) -> dict[str, Any]:
    """One part as the API and a line's document show it."""
    return {
        part.kind.value: part.key,
        "name": part.name,
        "quantity": part.quantity,
        "list_price": money_document(part.list_price),
        "price": money_document(part.price),
        "period": None if part.service is None else period_document(part.service),
    }


def _names(parts: Sequence[QuotedPart]) -> str:
    names = ", ".join(_name(part) for part in parts)
    return names if len(names) <= _LONGEST_NAMES else f"{names[: _LONGEST_NAMES - 1]}…"


def _name(part: QuotedPart) -> str:
    return part.name if part.quantity == 1 else f"{part.quantity} × {part.name}"


def _step(part: QuotedPart) -> TraceStep:
    """A part as a step of its line's sum: what a reader of the invoice is shown."""
    share = part.price.to_decimal()
    return TraceStep(rule="part", detail=_name(part), amount=Fraction(share), quantity=Fraction(1), unit_price=share)


def _service(parts: Sequence[QuotedPart], currency: str) -> dict[str, Any] | None:
    """What of a line is paid before it is earned, and when: the shares of parts that last, which end with the subscription's period."""
    lasting = [(part, part.service) for part in parts if part.service is not None]
    if not lasting:
        return None
    span = Period(min(period.start for _, period in lasting), max(period.end for _, period in lasting))
    amount = sum((part.price for part, _ in lasting), Money.zero(currency))
    return {"amount": money_document(amount), "period": period_document(span)}
