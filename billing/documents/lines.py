"""From an invoice's lines to a document's: what a reader is shown of the priced line, what came off it, and how it is taxed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.documents import formats
from billing.documents.page import DocumentLine, Reduction, Span, TaxCategory, TaxMark
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money, parse_decimal
from billing.kernel.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from billing.invoices.invoice import InvoiceLine

_MOST_STEPS = 12
_INSTANT = timedelta(microseconds=1)
_FAMILIAR = ("vat", "ust", "mwst", "tva")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How lines are shown: the days of `zone`, the words of `language`, and the tax of each rate by its key."""

    zone: ZoneInfo
    language: str
    marks: Mapping[str, TaxMark]
    inclusive: bool


def document_line(position: int, line: InvoiceLine, manner: Manner) -> DocumentLine:
    """One line as a reader sees it."""
    fields = line.document
    marks = tuple(manner.marks[tax["key"]] for tax in fields.get("taxes", ()))
    reductions = reductions_of(line)
    taken = sum((reduction.amount for reduction in reductions), Money.zero(line.net.currency))
    is_plain = line.amount - taken == (line.net + line.tax if manner.inclusive else line.net)
    return DocumentLine(
        position=position,
        description=str(fields.get("description") or line.kind),
        amount=line.amount if is_plain else line.net,
        net=line.net,
        detail=_steps(line, manner),
        quantity=_quantity(line),
        unit_price=_decimal(fields.get("unit_price")) if is_plain else None,
        span=_span(fields.get("period"), manner.zone),
        reductions=reductions if is_plain else (),
        taxes=marks,
    )


def is_inclusive(lines: Sequence[InvoiceLine]) -> bool:
    """Whether the prices of all taxed lines have their taxes in them."""
    taxed = [line for line in lines if line.tax.amount_minor]
    return bool(taxed) and all(_left(line) == line.net + line.tax for line in taxed)


def marks_of(taxes: Sequence[Mapping[str, Any]], reasons: Sequence[str]) -> dict[str, TaxMark]:
    """The tax of each rate by its key, from an invoice's summary; a reason is that of the one category that needs one."""
    marks = {str(tax["key"]): _mark(tax) for tax in taxes}
    unpaid = {mark.category for mark in marks.values()} - {TaxCategory.STANDARD, TaxCategory.ZERO}
    if len(unpaid) != 1:
        return marks
    reason = " ".join(reasons)
    return {
        key: TaxMark(mark.category, mark.percent, mark.name, reason) if mark.category in unpaid else mark
        for key, mark in marks.items()
    }


def reductions_of(line: InvoiceLine) -> tuple[Reduction, ...]:
    """What came off a line; cuts are kept below zero."""
    return tuple(Reduction(str(cut["detail"]), -read_money(cut["amount"])) for cut in line.document.get("cuts", ()))


def read_money(document: Mapping[str, str]) -> Money:
    """Money from its JSON form."""
    return Money.of(document["amount"], document["currency"])


def span_of(period: Period, zone: ZoneInfo) -> Span:
    """The first and the last day of a half-open period, as a calendar on the wall of `zone` has them."""
    first = period.start.astimezone(zone).date()
    last = (period.end - _INSTANT).astimezone(zone).date()
    return Span(first, max(first, last))


def _left(line: InvoiceLine) -> Money:
    return sum((-reduction.amount for reduction in reductions_of(line)), line.amount)


def _mark(tax: Mapping[str, Any]) -> TaxMark:
    percent = parse_decimal(str(tax["percent"]))
    category = tax.get("category") or (TaxCategory.STANDARD if percent else TaxCategory.ZERO).value
    key = str(tax["key"])
    name = "" if key.lower().startswith(_FAMILIAR) else key.replace("_", " ")
    return TaxMark(TaxCategory(category), percent, name)


def _quantity(line: InvoiceLine) -> Decimal | None:
    """The quantity, where it says more than that there is one line."""
    return _decimal(line.document.get("quantity")) if line.kind != "commitment" else None


def _steps(line: InvoiceLine, manner: Manner) -> tuple[str, ...]:
    """How the amount came about, where one price did not hold for every unit."""
    trace: Sequence[Mapping[str, Any]] = line.document.get("trace") or ()
    if len(trace) < 2 and line.document.get("unit_price"):
        return ()
    if len(trace) == 1 and "quantity" not in trace[0]:
        return ()
    shown = [_step(step, line.amount.currency, manner) for step in trace[:_MOST_STEPS]]
    return (*shown, *(["…"] if len(trace) > _MOST_STEPS else []))


def _step(step: Mapping[str, Any], currency: str, manner: Manner) -> str:
    quantity, price = _decimal(step.get("quantity")), _decimal(step.get("unit_price"))
    detail = str(step["detail"])
    if quantity is None or price is None:
        return detail
    units = formats.quantity(quantity, manner.language)
    return f"{units} × {formats.price(price, currency, manner.language)} ({detail})"


def _span(period: Mapping[str, str] | None, zone: ZoneInfo) -> Span | None:
    if not period:
        return None
    return span_of(Period(parse_instant(period["start"]), parse_instant(period["end"])), zone)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else parse_decimal(str(text))
