"""A canvas that speaks of lines of text and paragraphs, each in the fonts that have its characters.

Places are points from the left and from the bottom; heights are rounded up to whole points, so that what was measured always fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph

from billing.documents.pdf.style import GREY, HAIRLINE, INK, LEADING, TEXT

if TYPE_CHECKING:
    from reportlab.lib.colors import Color
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus.flowables import Flowable

    from billing.documents.typeface import Typeface

_TALL = 10**6


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph set to a width, and the height that it takes."""

    paragraph: Flowable
    width: int
    height: int

    def parted(self, limit: int) -> list[Prose]:
        """The same in pieces no higher than `limit`, which is at least a few lines."""
        if self.height <= limit:
            return [self]
        head, *rest = (_set(part, self.width) for part in self.paragraph.split(self.width, limit))
        return [head, *(piece for part in rest for piece in part.parted(limit))]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The page that is being drawn on, and the letters it is drawn with."""

    canvas: Canvas
    face: Typeface

    def text(self, x: int, y: int, text: str, *, size: int = TEXT, bold: bool = False, color: Color = INK) -> int:
        """One line of text from `x` on the baseline `y`; the answer is where it ends."""
        self.canvas.setFillColor(color)
        for name, run in self.face.runs(text, bold=bold):
            self.canvas.setFont(name, size)
            self.canvas.drawString(x, y, run)
            x += -int(-self.canvas.stringWidth(run, name, size) // 1)
        return x

    def text_right(
        self, x: int, y: int, text: str, *, size: int = TEXT, bold: bool = False, color: Color = INK
    ) -> None:
        """One line of text that ends at `x`."""
        self.canvas.setFillColor(color)
        for name, run in reversed(list(self.face.runs(text, bold=bold))):
            self.canvas.setFont(name, size)
            self.canvas.drawRightString(x, y, run)
            x -= -int(-self.canvas.stringWidth(run, name, size) // 1)

    def prose(self, x: int, top: int, prose: Prose) -> int:
        """A paragraph below `top`; the answer is where it ends."""
        prose.paragraph.drawOn(self.canvas, x, top - prose.height)
        return top - prose.height

    def rule(self, x: int, right: int, y: int, *, color: Color = HAIRLINE) -> None:
        """A thin line."""
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(1 / 2)
        self.canvas.line(x, y, right, y)


def set_prose(
    face: Typeface,
    text: str,
    width: int,
    *,
    size: int = TEXT,
    bold: bool = False,
    color: Color = INK,
    to_the_right: bool = False,
) -> Prose:
    """A text set to a width; words longer than it are broken."""
    style = ParagraphStyle(
        name="prose",
        fontName=(face.bold if bold else face.regular).fontName,
        fontSize=size,
        leading=LEADING[size],
        textColor=color,
        splitLongWords=1,
        allowWidows=0,
        allowOrphans=0,
        alignment=TA_RIGHT if to_the_right else 0,
    )
    return _set(Paragraph(face.markup(text, bold=bold), style), width)


def set_quiet(face: Typeface, text: str, width: int, *, size: int = TEXT) -> Prose:
    """A text that stands back, in grey."""
    return set_prose(face, text, width, size=size, color=GREY)


def _set(paragraph: Flowable, width: int) -> Prose:
    _, height = paragraph.wrap(width, _TALL)
    return Prose(paragraph, width, -int(-height // 1))
