"""Movements laid out over days or months: what monthly revenue was, how it moved, what it came to, and its average. Pure.

The average of a window is by time, exactly: what a movement added counts from its instant to the window's end.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.money import Money, round_minor
from billing.revenue.mrr.movement import Movement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.kernel.period import Period
    from billing.revenue.mrr.movement import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class MrrWindow:
    """One currency in one window. `moved` sums to what `closing` is above `opening`; `counts` is how many customers' movements it was."""

    period: Period
    currency: str
    opening: Money
    moved: Mapping[Movement, Money]
    counts: Mapping[Movement, int]
    closing: Money
    average_exact: Fraction

    @property
    def average(self) -> Money:
        """The average over the window's time, rounded to whole minor units."""
        return Money(round_minor(self.average_exact), self.currency)


@dataclass(slots=True)
class _Sum:
    """What is added up of one currency in one window; `weighted` is minor units times microseconds."""

    moved: dict[Movement, int] = field(default_factory=dict)
    counts: dict[Movement, int] = field(default_factory=dict)
    weighted: int = 0


def over(moves: Iterable[Move], windows: Sequence[Period]) -> list[MrrWindow]:
    """These movements, in any order, over windows that follow each other; by currency, then by time.

    What moved before the first window makes the opening, what moved after the last is left out. Memory grows with windows and
    currencies, not with customers.
    """
    starts = [window.start for window in windows]
    opening: dict[str, int] = {}
    sums: dict[tuple[str, int], _Sum] = {}
    for move in moves:
        if move.at >= windows[-1].end:
            continue
        place = bisect_right(starts, move.at) - 1
        opening.setdefault(move.currency, 0)
        if place < 0:
            opening[move.currency] += move.minor
            continue
        found = sums.setdefault((move.currency, place), _Sum())
        found.moved[move.kind] = found.moved.get(move.kind, 0) + move.minor
        found.counts[move.kind] = found.counts.get(move.kind, 0) + 1
        found.weighted += move.minor * _left_after(move, windows[place])
    rows: list[MrrWindow] = []
    for currency in sorted(opening):
        value = opening[currency]
        for place, window in enumerate(windows):
            row = _row(currency, window, value, sums.get((currency, place), _Sum()))
            rows.append(row)
            value = row.closing.amount_minor
    return rows


def _left_after(move: Move, window: Period) -> int:
    left = window.since(move.at)
    return 0 if left is None else left.microseconds


def _row(currency: str, window: Period, opening: int, found: _Sum) -> MrrWindow:
    return MrrWindow(
        period=window,
        currency=currency,
        opening=Money(opening, currency),
        moved={kind: Money(found.moved.get(kind, 0), currency) for kind in Movement},
        counts={kind: found.counts.get(kind, 0) for kind in Movement},
        closing=Money(opening + sum(found.moved.values()), currency),
        average_exact=opening + Fraction(found.weighted, window.microseconds),
    )
