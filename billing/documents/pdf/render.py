"""A document as the bytes of a PDF: heads, rows, ending and foot put on pages. The same document is the same bytes, always."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from billing.documents.page import Standing
from billing.documents.pdf import ending, head, table
from billing.documents.pdf.paging import paginate
from billing.documents.pdf.sheet import Sheet
from billing.documents.pdf.style import BOTTOM, HEIGHT, TOP, WATERMARK, WIDTH
from billing.documents.typeface import typeface
from billing.documents.words import word

if TYPE_CHECKING:
    from pathlib import Path

    from billing.documents.page import InvoiceDocument
    from billing.documents.pdf.ending import SetStage
    from billing.documents.pdf.sheet import Prose
    from billing.documents.pdf.table import Columns, Row

_GAP = 16
_WATERMARK_SIZE = 128


@dataclass(frozen=True, slots=True)
class _Layout:
    """Everything that is set and measured, before anything is drawn."""

    shape: Columns
    rows: list[Row]
    stages: list[SetStage]
    payment: list[tuple[str, Prose]]
    remarks: list[Prose]

    @property
    def ending_height(self) -> int:
        """What follows the last row and stays with it: the stages, and the way to pay at their left."""
        return _GAP // 2 + max(sum(stage.height for stage in self.stages), ending.payment_height(self.payment))


def draw(document: InvoiceDocument, fallbacks: tuple[Path, ...] = ()) -> bytes:
    """The pages as a plain PDF without an archive's envelope; `fallbacks` are further fonts, see `typeface`."""
    face = typeface(fallbacks)
    shape = table.columns(document, face)
    layout = _Layout(
        shape,
        table.rows(document, face, shape),
        ending.set_stages(document, face),
        ending.set_payment(document, face),
        ending.set_remarks(document, face),
    )
    file = BytesIO()
    canvas = Canvas(
        file,
        pagesize=A4,
        invariant=1,
        initialFontName=face.regular.fontName,  # type: ignore[arg-type] # (the stubs say: a number)
        pageCompression=1,
        lang=document.language,
    )
    _draw_pages(Sheet(canvas, face), document, layout)
    canvas.save()
    return file.getvalue()


def _draw_pages(sheet: Sheet, document: InvoiceDocument, layout: _Layout) -> None:
    _watermark(sheet, document)
    first_top = head.draw_first_head(sheet, document)
    pages = paginate(
        [row.height for row in layout.rows],
        first=first_top - table.HEAD_HEIGHT - BOTTOM,
        other=TOP - 16 - table.HEAD_HEIGHT - BOTTOM,
        ending=layout.ending_height,
    )
    overflow = _overflow(layout, pages, first_top)
    count = len(pages) + (1 if overflow else 0)
    y = first_top
    for place, page in enumerate(pages):
        if place:
            y = _next_page(sheet, document, place, count)
        if page:
            y = table.draw_head(sheet, layout.shape, document, y)
        for row in page:
            y = table.draw_row(sheet, layout.shape, layout.rows[row], y)
    top = y - _GAP // 2
    y = min(ending.draw_stages(sheet, layout.stages, top), ending.draw_payment(sheet, document, layout.payment, top))
    if overflow:
        y = _next_page(sheet, document, len(pages), count)
    ending.draw_remarks(sheet, layout.remarks, y - _GAP)
    ending.draw_foot(sheet, document, count, count)


def _overflow(layout: _Layout, pages: list[range], first_top: int) -> bool:
    """Whether the remarks need a page of their own."""
    top = first_top if len(pages) == 1 else TOP - 16
    head_height = table.HEAD_HEIGHT if pages[-1] else 0
    used = head_height + sum(layout.rows[row].height for row in pages[-1]) + layout.ending_height
    below = ending.remarks_height(layout.remarks)
    return bool(below) and used + below + _GAP > top - BOTTOM


def _next_page(sheet: Sheet, document: InvoiceDocument, done: int, count: int) -> int:
    ending.draw_foot(sheet, document, done, count)
    sheet.canvas.showPage()
    _watermark(sheet, document)
    return head.draw_next_head(sheet, document)


def _watermark(sheet: Sheet, document: InvoiceDocument) -> None:
    """A pale word across the page, below everything; opaque, since an archive allows no transparency everywhere."""
    if document.standing not in {Standing.DRAFT, Standing.VOID}:
        return
    mark = document.standing.value
    text = word(mark, document.language).upper()
    canvas = sheet.canvas
    canvas.saveState()
    canvas.translate(WIDTH // 2, HEIGHT // 2 - 40)
    canvas.rotate(48)
    width = sheet.face.width(text, _WATERMARK_SIZE, bold=True)
    sheet.text(-width // 2, -_WATERMARK_SIZE // 3, text, size=_WATERMARK_SIZE, bold=True, color=WATERMARK[mark])
    canvas.restoreState()
