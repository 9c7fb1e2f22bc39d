"""Measures, colours and sizes of a page, in points: one scale of four sizes, one ink, one grey, hairlines, and much white."""

from __future__ import annotations

from typing import Final

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4

WIDTH: Final = int(A4[0])
HEIGHT: Final = int(A4[1])
MARGIN: Final = 52
TOP: Final = HEIGHT - 54
BOTTOM: Final = 66  # above it stands content, below it the foot
RIGHT: Final = WIDTH - MARGIN
BODY: Final = RIGHT - MARGIN

TITLE: Final = 22
HEADLINE: Final = 16
TEXT: Final = 9
SMALL: Final = 8
LEADING: Final = {TITLE: 28, HEADLINE: 22, TEXT: 13, SMALL: 12}

INK: Final[Color] = HexColor(0x16181D)
GREY: Final[Color] = HexColor(0x646B79)
HAIRLINE: Final[Color] = HexColor(0xE2E5EA)
RULE: Final[Color] = HexColor(0x9AA1AE)
WATERMARK: Final[dict[str, Color]] = {"draft": HexColor(0xF2F4F7), "void": HexColor(0xFBECEC)}
BADGE: Final[dict[str, tuple[Color, Color]]] = {
    # on what, in what
    "draft": (HexColor(0xFEF3C7), HexColor(0x8A4B08)),
    "void": (HexColor(0xFDE2E2), HexColor(0x9B1C1C)),
}
