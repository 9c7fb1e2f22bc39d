"""The letters of a page: Inter in two weights, embedded, and what happens to characters that it does not have.

Inter covers Latin, Greek, Cyrillic and Vietnamese. A character outside it is set in the first of the `fallbacks` that has it (files of
TrueType fonts, such as one for Japanese), and where none has it in a visible box, never left out. Text is set from left to right without
shaping, so Arabic and Indic scripts need the e-invoice, which keeps every character as it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from typing import TYPE_CHECKING, Final
from unicodedata import category, normalize
from xml.sax.saxutils import escape

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHIPPED: Final = (("Uptier-Regular", "Inter-Regular.ttf"), ("Uptier-SemiBold", "Inter-SemiBold.ttf"))
_BOX = "\u25a1"


class FontError(InvalidError):
    """A fallback that is no readable TrueType font."""

    code = "invalid_font"


@dataclass(frozen=True, slots=True)
class Typeface:
    """The fonts of a document by the names they are registered under."""

    regular: TTFont
    bold: TTFont
    fallbacks: tuple[TTFont, ...] = ()

    def markup(self, text: str, *, bold: bool = False) -> str:
        """Text as the markup of a paragraph, each character in a font that has it."""
        first = self.bold if bold else self.regular
        return "".join(
            escape(run) if name == first.fontName else f'<font name="{name}">{escape(run)}</font>'
            for name, run in self.runs(text, bold=bold)
        )

    def runs(self, text: str, *, bold: bool = False) -> Iterator[tuple[str, str]]:
        """Text in pieces of one font each, characters that no font has as boxes and control characters as spaces."""
        fonts = (self.bold if bold else self.regular, *self.fallbacks)
        clean = (" " if category(letter) in {"Cc", "Cf"} else letter for letter in normalize("NFC", text))
        placed = ((_font_of(letter, fonts), letter) for letter in clean)
        for font, letters in groupby(placed, key=lambda pair: pair[0]):
            run = "".join(letter for _, letter in letters)
            yield (font or fonts[0]).fontName, run if font else _BOX * len(run)

    def width(self, text: str, size: int, *, bold: bool = False) -> int:
        """The width of a line of text in points, rounded up."""
        by_name = {font.fontName: font for font in (self.regular, self.bold, *self.fallbacks)}
        exact = sum(by_name[name].stringWidth(run, size) for name, run in self.runs(text, bold=bold))
        return -int(-exact // 1)


def _font_of(letter: str, fonts: tuple[TTFont, ...]) -> TTFont | None:
    return next((font for font in fonts if ord(letter) in font.face.charToGlyph), None)


@lru_cache(maxsize=8)
def typeface(fallbacks: tuple[Path, ...] = ()) -> Typeface:
    """The shipped fonts, and these files behind them. Raises FontError for a file that is no TrueType font."""
    regular, bold = (_shipped(name, file) for name, file in _SHIPPED)
    return Typeface(regular, bold, tuple(_fallback(place, path) for place, path in enumerate(fallbacks)))


@lru_cache
def _shipped(name: str, file: str) -> TTFont:
    with as_file(files("billing.documents").joinpath("fonts", file)) as path:
        return _registered(name, path)


def _fallback(place: int, path: Path) -> TTFont:
    try:
        return _registered(f"Uptier-Fallback-{place}-{path.stem}", path)
    except (OSError, TTFError) as error:
        raise FontError(f"{path.name} is not a TrueType font that can be embedded", file=path.name) from error


def _registered(name: str, path: Path) -> TTFont:
    font = TTFont(name, str(path), shapable=False)
    registerFont(font)
    return font
