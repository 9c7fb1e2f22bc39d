"""The table of lines: columns as wide as their contents need, rows set and measured, long ones in pieces that fit a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.documents import formats
from billing.documents.pdf.sheet import set_prose, set_quiet
from billing.documents.pdf.style import BODY, GREY, INK, MARGIN, RIGHT, RULE, SMALL, TEXT
from billing.documents.words import word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.documents.page import DocumentLine, InvoiceDocument
    from billing.documents.pdf.sheet import Prose, Sheet
    from billing.documents.typeface import Typeface

HEAD_HEIGHT = 24
_GAP = 14
_PAD = 6
_ASCENT = 9
_LEAST_TEXT = 150
_LEAST_FIGURE = 40
_MOST_PIECE = 260


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands above each column of figures, and where it ends; the description has the room before them."""

    heads: tuple[str, ...]
    rights: tuple[int, ...]
    text_width: int


@dataclass(frozen=True, slots=True)
class Row:
    """A set row: its text, its figures by column (on the first line) and its height. A later piece of a long row has no figures."""

    texts: tuple[Prose, ...]
    figures: tuple[str, ...]
    height: int
    is_last_piece: bool


def columns(document: InvoiceDocument, face: Typeface) -> Columns:
    """As wide as the widest figure; the column of taxes only where a line is taxed."""
    heads = _heads(document)
    contents = [_figures(line, document) for line in document.lines]
    widths = (
        [
            max(
                face.width(head, SMALL),
                *(face.width(figures[place], TEXT) for figures in contents),
                _LEAST_FIGURE,
            )
            for place, head in enumerate(heads)
        ]
        if contents
        else [face.width(head, SMALL) for head in heads]
    )
    spare = BODY - sum(widths) - _GAP * len(widths)
    right, rights = RIGHT, []
    for width in reversed(widths):
        rights.append(right)
        right -= width + _GAP
    return Columns(heads, tuple(reversed(rights)), max(spare, _LEAST_TEXT))


def rows(document: InvoiceDocument, face: Typeface, shape: Columns) -> list[Row]:
    """Each line as one row, or as several where it is too long to stand on a page."""
    return [row for line in document.lines for row in _pieces(line, document, face, shape)]


def draw_head(sheet: Sheet, shape: Columns, document: InvoiceDocument, top: int) -> int:
    """The names of the columns above a rule; the answer is where the rows begin."""
    baseline = top - 12
    sheet.text(MARGIN, baseline, word("description", document.language), size=SMALL, color=GREY)
    for head, right in zip(shape.heads, shape.rights, strict=True):
        sheet.text_right(right, baseline, head, size=SMALL, color=GREY)
    sheet.rule(MARGIN, RIGHT, top - HEAD_HEIGHT + 4, color=RULE)
    return top - HEAD_HEIGHT


def draw_row(sheet: Sheet, shape: Columns, row: Row, top: int) -> int:
    """One row; the answer is where it ends."""
    y = top - _PAD
    baseline = y - _ASCENT
    for text in row.texts:
        y = sheet.prose(MARGIN, y, text)
    for figure, right in zip(row.figures, shape.rights, strict=False):
        sheet.text_right(right, baseline, figure, color=INK)
    end = top - row.height
    if row.is_last_piece:
        sheet.rule(MARGIN, RIGHT, end)
    return end


def _heads(document: InvoiceDocument) -> tuple[str, ...]:
    names = ["quantity", "unit_price", *(["tax_column"] if _has_taxes(document) else []), "amount"]
    return tuple(word(name, document.language) for name in names)


def _has_taxes(document: InvoiceDocument) -> bool:
    return any(mark.percent for line in document.lines for mark in line.taxes)


def _figures(line: DocumentLine, document: InvoiceDocument) -> tuple[str, ...]:
    language = document.language
    found = [
        "" if line.quantity is None else formats.quantity(line.quantity, language),
        "" if line.unit_price is None else formats.price(line.unit_price, document.currency, language),
    ]
    if _has_taxes(document):
        found.append(" + ".join(formats.percent(mark.percent, language) for mark in line.taxes))
    return (*found, formats.amount(line.amount, language))


def _pieces(line: DocumentLine, document: InvoiceDocument, face: Typeface, shape: Columns) -> Iterator[Row]:
    parts = [part for text in _texts(line, document, face, shape.text_width) for part in text.parted(_MOST_PIECE)]
    groups = _grouped(parts)
    for place, group in enumerate(groups):
        is_first, is_last = place == 0, place == len(groups) - 1
        height = sum(text.height for text in group) + _PAD + (_PAD if is_last else 0)
        yield Row(tuple(group), _figures(line, document) if is_first else (), height, is_last)


def _grouped(parts: Sequence[Prose]) -> list[list[Prose]]:
    groups: list[list[Prose]] = [[]]
    for part in parts:
        if groups[-1] and sum(text.height for text in groups[-1]) + part.height > _MOST_PIECE:
            groups.append([])
        groups[-1].append(part)
    return groups


def _texts(line: DocumentLine, document: InvoiceDocument, face: Typeface, width: int) -> Iterator[Prose]:
    yield set_prose(face, line.description, width)
    if line.span is not None:
        yield set_quiet(face, formats.span(line.span, document.language), width, size=SMALL)
    for detail in line.detail:
        yield set_quiet(face, detail, width, size=SMALL)
    for reduction in line.reductions:
        text = f"{reduction.text}  {formats.amount(-reduction.amount, document.language)}"
        yield set_quiet(face, text, width, size=SMALL)
