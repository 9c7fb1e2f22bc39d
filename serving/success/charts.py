"""A chart of earnings as inline SVG: each offer's total with its interval around a line at nothing.

Colours come from the page's style sheet by class, and every label is escaped here, since a page inserts the text as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 1080
_LABEL: Final = 220
_VALUE: Final = 330
_ROW: Final = 36
_TOP: Final = 14


@dataclass(frozen=True, slots=True)
class Amount:
    """A named amount between two others, in whole units of money; `said` is how people read it."""

    name: str
    value: float
    low: float
    high: float
    said: str


def amounts(key: str, title: str, rows: Sequence[Amount]) -> str:
    """One row an amount, in the order given."""
    if not rows:
        return _svg(
            key, title, "nothing to show yet", 70, ['<text class="c-axis" x="20" y="40">Nothing to show yet</text>']
        )
    low, high = min(0.0, *(row.low for row in rows)), max(0.0, *(row.high for row in rows))
    room, span = WIDTH - _LABEL - _VALUE, (high - low) or 1.0

    def across(value: float) -> str:
        return f"{_LABEL + (value - low) / span * room:.1f}"

    bottom = _TOP + len(rows) * _ROW
    drawn = [f'<line class="c-zero" x1="{across(0)}" x2="{across(0)}" y1="{_TOP}" y2="{bottom}"/>']
    for number, row in enumerate(rows):
        y = _TOP + number * _ROW + 16
        drawn += [
            f'<text class="c-name" x="{_LABEL - 14}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>',
            f'<line class="c-line" x1="{across(row.low)}" x2="{across(row.high)}" y1="{y}" y2="{y}"/>',
            f'<circle class="c-dot" cx="{across(row.value)}" cy="{y}" r="5"/>',
            f'<text class="c-value" x="{_LABEL + room + 24}" y="{y + 4}">{escape(row.said)}</text>',
        ]
    said = "; ".join(f"{row.name}: {row.said}" for row in rows)
    return _svg(key, title, said, bottom + 10, drawn)


def _svg(key: str, title: str, description: str, height: int, drawn: Sequence[str]) -> str:
    name = escape(key)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )
