"""Check: the numbers of a series follow each other without a gap, and none is given twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.audit_store import InvoiceAudit
from billing.invoices.credit_notes.audit_store import CreditNoteAudit
from billing.invoices.credit_notes.issue import SERIES as NOTES
from billing.invoices.finish import SERIES as INVOICES
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Invoices and credit notes, each against its counter."""
    audit = InvoiceAudit(unit)
    yield from _series(INVOICES, audit.last_number(INVOICES), audit.numbers())
    yield from _series(NOTES, audit.last_number(NOTES), CreditNoteAudit(unit).numbers())


def _series(series: str, last: int, given: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """A byte a number: a prefix may change over the years, so what counts are the digits at a number's end."""
    seen = bytearray(last + 1)
    for owner, number in given:
        digits = number.rpartition("-")[2]
        place = int(digits) if digits.isdecimal() else 0
        if not 0 < place <= last:
            yield Finding(
                code="number_outside_series",
                sentence=f"{number} was never given by series {series}, which stands at {last}",
                ids=(owner, series),
            )
        elif seen[place]:
            yield Finding(
                code="number_twice",
                sentence=f"number {place} of series {series} is on {number} again",
                ids=(owner, series),
            )
        else:
            seen[place] = 1
    yield from _gaps(series, seen)


def _gaps(series: str, seen: bytearray) -> Iterator[Finding]:
    start = seen.find(0, 1)
    while start != -1:
        end = seen.find(1, start)
        end = len(seen) if end == -1 else end
        which = f"number {start} is" if end - start == 1 else f"numbers {start} to {end - 1} are"
        yield Finding(code="number_missing", sentence=f"{which} missing from series {series}", ids=(series,))
        start = seen.find(0, end)
