"""Charts of experiments as inline SVG: lifts with their intervals, an interval from day to day, and units by arm.

Colours come from the page's style sheet by class, and every label is escaped here, since a page inserts the text as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, WIDE = 540, 1080
_LABEL, _ROW, _TOP, _BOTTOM, _LEFT, _RIGHT, _PLOT = 186, 34, 14, 34, 64, 26, 220
_CLASSES = ("c-one", "c-two", "c-three", "c-four")
_MOST = 5.0  # a lift of 500 %: what lies beyond is drawn at the edge


@dataclass(frozen=True, slots=True)
class Interval:
    """A named lift between two others, relative: 0.1 is ten percent more."""

    name: str
    lift: float
    low: float
    high: float

    @property
    def said(self) -> str:
        """As people read it."""
        return f"{self.lift:+.1%} ({self.low:+.1%} to {self.high:+.1%})"


def intervals(key: str, title: str, rows: Sequence[Interval]) -> str:
    """One row an interval, around a line at no difference."""
    if not rows:
        return _svg(key, title, "nothing to show yet", 80, [_EMPTY], width=WIDE)
    low, high = _span([(row.low, row.high) for row in rows])
    room = WIDE - _LABEL - 280

    def across(value: float) -> float:
        return _LABEL + (min(max(value, low), high) - low) / (high - low) * room

    height = _TOP + len(rows) * _ROW
    zero = _n(across(0))
    drawn = [f'<line class="c-zero" x1="{zero}" x2="{zero}" y1="{_TOP}" y2="{height}"/>']
    for number, row in enumerate(rows):
        y = _TOP + number * _ROW + 14
        drawn += [
            f'<text class="c-name" x="{_LABEL - 12}" y="{y + 4}" text-anchor="end">{escape(_short(row.name))}</text>',
            f'<line class="c-line" x1="{_n(across(row.low))}" x2="{_n(across(row.high))}" y1="{y}" y2="{y}"/>',
            (
                f'<circle class="c-dot" cx="{_n(across(row.lift))}" cy="{y}" r="5">'
                f"<title>{escape(row.name)}: {row.said}</title></circle>"
            ),
            f'<text class="c-value" x="{_LABEL + room + 20}" y="{y + 4}">{row.said}</text>',
        ]
    said = "; ".join(f"{row.name}: {row.said}" for row in rows)
    drawn += [
        f'<text class="c-axis" x="{_n(across(mark))}" y="{height + 18}" text-anchor="middle">{mark:+.0%}</text>'
        for mark in (low, 0.0, high)
    ]
    return _svg(key, title, said, height + _BOTTOM, drawn, width=WIDE)


def band(key: str, title: str, days: Sequence[int], rows: Sequence[Interval]) -> str:
    """An interval at each look, in the order of days; both of one length."""
    if not rows:
        return _svg(key, title, "nothing to show yet", 80, [_EMPTY], width=WIDTH)
    low, high = _span([(row.low, row.high) for row in rows])
    room, first, last = WIDTH - _LEFT - _RIGHT, days[0], max(days[-1], days[0] + 1)

    def across(day: int) -> float:
        return _LEFT + (day - first) / (last - first) * room

    def up(value: float) -> float:
        return _TOP + _PLOT - (min(max(value, low), high) - low) / (high - low) * _PLOT

    top = [f"{_n(across(day))},{_n(up(row.high))}" for day, row in zip(days, rows, strict=True)]
    under = [f"{_n(across(day))},{_n(up(row.low))}" for day, row in zip(days, rows, strict=True)]
    middle = " ".join(f"{_n(across(day))},{_n(up(row.lift))}" for day, row in zip(days, rows, strict=True))
    drawn = [
        f'<polygon class="c-area" points="{" ".join([*top, *reversed(under)])}"/>',
        f'<line class="c-zero" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{_n(up(0))}" y2="{_n(up(0))}"/>',
        f'<polyline class="c-line" points="{middle}"/>',
    ]
    drawn += [
        f'<text class="c-axis" x="{_LEFT - 8}" y="{_n(up(mark))}" dy="4" text-anchor="end">{mark:+.0%}</text>'
        for mark in (low, 0.0, high)
    ]
    drawn += [
        f'<text class="c-axis" x="{_n(across(day))}" y="{_TOP + _PLOT + 20}" text-anchor="middle">day {day}</text>'
        for day in (first, days[-1])
    ]
    return _svg(key, title, f"on day {days[-1]}: {rows[-1].said}", _TOP + _PLOT + _BOTTOM, drawn, width=WIDTH)


def by_day(key: str, title: str, days: Sequence[str], arms: Sequence[tuple[str, Sequence[int]]]) -> str:
    """All units so far, a line an arm."""
    if not days:
        return _svg(key, title, "nothing to show yet", 80, [_EMPTY], width=WIDTH)
    totals = [(name, _running_total(counts)) for name, counts in arms]
    most = max(total[-1] for _, total in totals) or 1
    marks = (0, most / 2, most)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(days) - 1, 1)
    drawn = []
    for mark in marks:
        y = _n(_TOP + _PLOT - mark / marks[-1] * _PLOT)
        drawn.append(f'<line class="c-grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text class="c-axis" x="{_LEFT - 8}" y="{y}" dy="4" text-anchor="end">{mark:,.0f}</text>')
    for number, (name, total) in enumerate(totals):
        path = " ".join(
            f"{_n(_LEFT + place * step)},{_n(_TOP + _PLOT - value / marks[-1] * _PLOT)}"
            for place, value in enumerate(total)
        )
        kind = _CLASSES[number % len(_CLASSES)]
        drawn.append(
            f'<polyline class="c-line {kind}" points="{path}"><title>{escape(name)}: {total[-1]:,}</title></polyline>'
        )
        drawn.append(
            f'<text class="c-axis" x="{_LEFT + 8}" y="{_TOP + 14 + number * 16}">{escape(name)}: {total[-1]:,}</text>'
        )
    drawn += [
        f'<text class="c-axis" x="{_n(_LEFT + place * step)}" y="{_TOP + _PLOT + 20}" text-anchor="middle">{escape(days[place])}</text>'
        for place in {0, len(days) - 1}
    ]
    said = "; ".join(f"{name}: {total[-1]}" for name, total in totals)
    return _svg(key, title, said, _TOP + _PLOT + _BOTTOM, drawn, width=WIDTH)


_EMPTY = '<text class="c-axis" x="270" y="45" text-anchor="middle">Nothing to show yet</text>'


def _span(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The range that is drawn: holds no difference, and no more than a reader can compare."""
    low, high = min(0.0, *(one for one, _ in pairs)), max(0.0, *(two for _, two in pairs))
    low, high = max(low, -1.0), min(high, _MOST)
    return (low - 0.05, high + 0.05) if high - low < 0.1 else (low, high)


def _running_total(counts: Sequence[int]) -> list[int]:
    total, found = 0, []
    for count in counts:
        total += count
        found.append(total)
    return found


def _svg(key: str, title: str, description: str, height: int, drawn: Sequence[str], *, width: int) -> str:
    name = escape(key)
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _short(name: str, most: int = 25) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
