"""Charts as text: numbers in, one accessible inline SVG out, with a title, a description and no script or style of its own.

Colours and type come from the page's style sheet by class, so charts follow the reader's theme. Sizes are in the SVG's own units and scale
with the page. Every label that comes from data is escaped here, since a page inserts the text as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Say = Callable[[float], str]

WIDTH = 540
WIDE = 1080
_LABEL = 186  # room for the names of bars
_ROW = 34
_TOP = 14
_BOTTOM = 30
_LEFT = 64
_RIGHT = 26
_PLOT = 220  # height of histograms and lines


@dataclass(frozen=True, slots=True)
class Point:
    """A named number; `said` is how people read it."""

    name: str
    value: float
    said: str


def plain(value: float) -> str:
    """A number as an axis shows it.

    >>> plain(1200.0), plain(0.25)
    ('1,200', '0.25')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def ticks(most: float, wanted: int = 4) -> list[float]:
    """Round marks (1, 2 or 5 times a power of ten) from 0 to just above `most`.

    >>> ticks(87), ticks(0)
    ([0.0, 50.0, 100.0], [0.0, 1.0])
    """
    if most <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(most / wanted))
    step = next(step for factor in (1, 2, 5, 10) if most / (step := factor * power) <= wanted)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def bars(key: str, title: str, points: Sequence[Point]) -> str:
    """Horizontal bars, one a row, in the order given."""
    if not points:
        return _nothing(key, title)
    most = max(0.0, *(point.value for point in points)) or 1.0
    room = WIDTH - _LABEL - 90
    drawn = []
    for row, point in enumerate(points):
        y, length = _TOP + row * _ROW, max(point.value, 0.0) / most * room
        drawn += [
            f'<text class="c-name" x="{_LABEL - 12}" y="{y + 16}" text-anchor="end">{escape(_short(point.name))}</text>',
            f'<rect class="c-bar" x="{_LABEL}" y="{y + 1}" width="{_number(max(length, 1.5))}" height="22" rx="3">',
            f"<title>{escape(point.name)}: {escape(point.said)}</title></rect>",
            f'<text class="c-value" x="{_number(_LABEL + length + 8)}" y="{y + 16}">{escape(point.said)}</text>',
        ]
    description = "; ".join(f"{point.name}: {point.said}" for point in points)
    return _svg(key, title, description, _TOP + len(points) * _ROW, drawn)


def histogram(key: str, title: str, values: Sequence[float], *, bins: int = 10, axis: str = "") -> str:
    """How many of `values`, each in [0, 1], fall in each of equally wide bins; 1 belongs to the last."""
    if not values:
        return _nothing(key, title)
    counts = [0] * bins
    for value in values:
        counts[min(max(int(value * bins), 0), bins - 1)] += 1
    marks = ticks(max(counts))
    width = (WIDTH - _LEFT - _RIGHT) / bins
    drawn = _grid(marks, plain, WIDTH)
    for number, count in enumerate(counts):
        height = count / marks[-1] * _PLOT
        x, y = _LEFT + number * width, _TOP + _PLOT - height
        said = f"{_percent(number, bins)} to {_percent(number + 1, bins)}: {count:,}"
        drawn.append(
            f'<rect class="c-bar" x="{_number(x + 2)}" y="{_number(y)}" width="{_number(width - 4)}" '
            f'height="{_number(height)}"><title>{said}</title></rect>'
        )
    for number in range(0, bins + 1, max(bins // 5, 1)):
        x = _LEFT + number * width
        drawn.append(f'<text class="c-axis" x="{_number(x)}" y="{_TOP + _PLOT + 18}" text-anchor="middle">')
        drawn[-1] += f"{_percent(number, bins)}</text>"
    if axis:
        drawn.append(
            f'<text class="c-axis" x="{(WIDTH + _LEFT) // 2}" y="{_TOP + _PLOT + 38}" text-anchor="middle">{escape(axis)}</text>'
        )
    shares = "; ".join(
        f"{_percent(n, bins)} to {_percent(n + 1, bins)}: {count}" for n, count in enumerate(counts) if count
    )
    return _svg(key, title, shares, _TOP + _PLOT + _BOTTOM + (18 if axis else 0), drawn)


def line(key: str, title: str, points: Sequence[Point], *, say: Say = plain) -> str:
    """A line through named points, equally far apart, from zero up; as wide as two of the other charts."""
    if not points:
        return _nothing(key, title)
    marks = ticks(max(point.value for point in points))
    step = (WIDE - _LEFT - _RIGHT - 24) / max(len(points) - 1, 1)
    places = [
        (_LEFT + 12 + number * step, _TOP + _PLOT - max(point.value, 0.0) / marks[-1] * _PLOT)
        for number, point in enumerate(points)
    ]
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in places)
    floor = _TOP + _PLOT
    area = f"{_number(places[0][0])},{floor} {path} {_number(places[-1][0])},{floor}"
    drawn = [
        *_grid(marks, say, WIDE),
        f'<polygon class="c-area" points="{area}"/>',
        f'<polyline class="c-line" points="{path}"/>',
    ]
    for (x, y), point in zip(places, points, strict=True):
        drawn.append(
            f'<circle class="c-dot" cx="{_number(x)}" cy="{_number(y)}" r="4">'
            f"<title>{escape(point.name)}: {escape(point.said)}</title></circle>"
        )
    every = math.ceil(len(points) / 12)
    for number in range(len(points) - 1, -1, -every):
        x = places[number][0]
        drawn.append(f'<text class="c-axis" x="{_number(x)}" y="{floor + 20}" text-anchor="middle">')
        drawn[-1] += f"{escape(points[number].name)}</text>"
    description = "; ".join(f"{point.name}: {point.said}" for point in points)
    return _svg(key, title, description, floor + _BOTTOM, drawn, width=WIDE)


def reliability(key: str, title: str, bins: Sequence[Mapping[str, float]]) -> str:
    """Promised rates across, found rates up, each with its interval; on the dashed line promises come true exactly.

    Each bin has `promised`, `found`, `low`, `high` (rates from 0 to 1) and `rows`.
    """
    if not bins:
        return _nothing(key, title)
    most = ticks(max(max(one["promised"], one["high"]) for one in bins))[-1]
    marks = ticks(most)
    room = WIDTH - _LEFT - _RIGHT

    def across(rate: float) -> float:
        return _LEFT + rate / marks[-1] * room

    def up(rate: float) -> float:
        return _TOP + _PLOT - rate / marks[-1] * _PLOT

    drawn = _grid(marks, _rate, WIDTH)
    drawn.append(
        f'<line class="c-grid" stroke-dasharray="4 4" x1="{_LEFT}" y1="{up(0)}" x2="{WIDTH - _RIGHT}" y2="{_number(up(marks[-1]))}"/>'
    )
    for mark in marks:
        place = _number(across(mark))
        drawn.append(
            f'<text class="c-axis" x="{place}" y="{_TOP + _PLOT + 18}" text-anchor="middle">{_rate(mark)}</text>'
        )
    path = " ".join(f"{_number(across(one['promised']))},{_number(up(one['found']))}" for one in bins)
    drawn.append(f'<polyline class="c-line" points="{path}"/>')
    for one in bins:
        x, said = _number(across(one["promised"])), f"promised {one['promised']:.1%}, found {one['found']:.1%}"
        drawn += [
            f'<line class="c-line" x1="{x}" x2="{x}" y1="{_number(up(one["low"]))}" y2="{_number(up(one["high"]))}"/>',
            f'<circle class="c-dot" cx="{x}" cy="{_number(up(one["found"]))}" r="4"><title>{said} of {one["rows"]:,.0f}</title></circle>',
        ]
    middle = (WIDTH + _LEFT) // 2
    drawn.append(
        f'<text class="c-axis" x="{middle}" y="{_TOP + _PLOT + 38}" text-anchor="middle">promised (found upwards)</text>'
    )
    description = "; ".join(f"promised {one['promised']:.1%}, found {one['found']:.1%}" for one in bins)
    return _svg(key, title, description, _TOP + _PLOT + _BOTTOM + 18, drawn)


def _rate(value: float) -> str:
    return f"{value:.0%}" if round(value * 100, 6).is_integer() else f"{value:.1%}"


def _grid(marks: Sequence[float], say: Say, width: int) -> list[str]:
    drawn = []
    for mark in marks:
        y = _number(_TOP + _PLOT - mark / marks[-1] * _PLOT)
        drawn += [
            f'<line class="c-grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y}" y2="{y}"/>',
            f'<text class="c-axis" x="{_LEFT - 8}" y="{y}" dy="4" text-anchor="end">{escape(say(mark))}</text>',
        ]
    return drawn


def _svg(key: str, title: str, description: str, height: int, drawn: Sequence[str], *, width: int = WIDTH) -> str:
    name = escape(key)
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _nothing(key: str, title: str) -> str:
    said = '<text class="c-axis" x="270" y="45" text-anchor="middle">Nothing to show yet</text>'
    return _svg(key, title, "nothing to show yet", 80, [said])


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _percent(number: int, bins: int) -> str:
    return f"{round(100 * number / bins)} %"


def _short(name: str, most: int = 25) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
