"""What stands above the lines of the first page: the title, the facts, who sells to whom, and the sentence that a reader came for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents import formats
from billing.documents.page import Standing
from billing.documents.pdf.sheet import set_prose, set_quiet
from billing.documents.pdf.style import (
    BADGE,
    BODY,
    GREY,
    HEADLINE,
    LEADING,
    MARGIN,
    RIGHT,
    SMALL,
    TEXT,
    TITLE,
    TOP,
)
from billing.documents.stages import headline
from billing.documents.words import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.page import InvoiceDocument, Party
    from billing.documents.pdf.sheet import Prose, Sheet

_COLUMN = BODY // 2 - 16
_LABEL = 108
_SPACE = 22


def draw_first_head(sheet: Sheet, document: InvoiceDocument) -> int:
    """Draw it from the top of the page; the answer is where the lines begin."""
    y = _title(sheet, document)
    y = _facts(sheet, document, y - 14)
    y = _parties(sheet, document, y - _SPACE)
    return _headline(sheet, document, y - _SPACE) - 14


def draw_next_head(sheet: Sheet, document: InvoiceDocument) -> int:
    """The quiet line above a further page; the answer is where the lines begin."""
    language = document.language
    title = f"{word(document.kind.value, language)} {document.number}".strip()
    sheet.text(MARGIN, TOP, f"{title} · {word('continued', language)}", size=SMALL, color=GREY)
    sheet.text_right(RIGHT, TOP, document.seller.name, size=SMALL, color=GREY)
    return TOP - 16


def _title(sheet: Sheet, document: InvoiceDocument) -> int:
    baseline = TOP - 8
    end = sheet.text(MARGIN, baseline, word(document.kind.value, document.language), size=TITLE, bold=True)
    mark = document.standing.value
    if mark in BADGE:
        _badge(sheet, end + 12, baseline, word(mark, document.language), mark)
    name = set_prose(sheet.face, document.seller.name, _COLUMN - 20, bold=True, to_the_right=True)
    sheet.prose(RIGHT - name.width, TOP + 6, name)
    return min(baseline, TOP + 6 - name.height) - 6


def _badge(sheet: Sheet, x: int, baseline: int, text: str, mark: str) -> None:
    ground, ink = BADGE[mark]
    width = sheet.face.width(text, TEXT, bold=True) + 16
    sheet.canvas.setFillColor(ground)
    sheet.canvas.roundRect(x, baseline - 2, width, 18, 4, stroke=0, fill=1)
    sheet.text(x + 8, baseline + 4, text, bold=True, color=ink)


def _facts(sheet: Sheet, document: InvoiceDocument, y: int) -> int:
    for label, value in _known(document):
        sheet.text(MARGIN, y - 9, label, color=GREY)
        sheet.text(MARGIN + _LABEL, y - 9, value)
        y -= LEADING[TEXT] + 2
    return y


def _known(document: InvoiceDocument) -> Iterator[tuple[str, str]]:
    language = document.language
    if document.number:
        yield word("number", language), document.number
    yield word("issued_on", language), formats.day(document.issued_on, language)
    if document.due_on is not None and document.standing is Standing.OPEN and document.due.amount_minor:
        yield word("due_on", language), formats.day(document.due_on, language)
    if document.span is not None:
        yield word("span", language), formats.span(document.span, language)
    if document.preceding is not None:
        number, day = document.preceding
        text = word("preceding_of", language, number=number, day=formats.day(day, language))
        yield word("preceding", language), text


def _parties(sheet: Sheet, document: InvoiceDocument, top: int) -> int:
    ends = []
    for x, label, party in (
        (MARGIN, "seller", document.seller),
        (MARGIN + BODY // 2, "buyer", document.buyer),
    ):
        y = sheet.prose(x, top, set_quiet(sheet.face, word(label, document.language), _COLUMN))
        for prose in _lines(sheet, party, document):
            y = sheet.prose(x, y, prose)
        ends.append(y)
    return min(ends)


def _lines(sheet: Sheet, party: Party, document: InvoiceDocument) -> Iterator[Prose]:
    yield set_prose(sheet.face, party.name, _COLUMN, bold=True)
    for line in address_lines(party, document.language):
        yield set_prose(sheet.face, line, _COLUMN)
    if party.email:
        yield set_prose(sheet.face, party.email, _COLUMN)
    for label, value in (("vat_id", party.vat_id), ("registration", party.registration)):
        if value:
            yield set_prose(sheet.face, f"{word(label, document.language)} {value}", _COLUMN)


def address_lines(party: Party, language: str) -> list[str]:
    """The lines of an address as on an envelope, the country by its name."""
    address = party.address
    place = " ".join(part for part in (address.postcode, address.city) if part)
    place = ", ".join(part for part in (place, address.region) if part)
    country = formats.country(address.country, language) if address.country else ""
    return [line for line in (*address.lines, place, country) if line]


def _headline(sheet: Sheet, document: InvoiceDocument, top: int) -> int:
    loud, quiet = headline(document)
    y = sheet.prose(MARGIN, top, set_prose(sheet.face, loud, BODY, size=HEADLINE, bold=True))
    return sheet.prose(MARGIN, y - 1, set_quiet(sheet.face, quiet, BODY)) if quiet else y
