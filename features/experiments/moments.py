"""What is kept of an arm's outcomes: sums that add up over days, plans and segments, from which means and variances follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over units: `y` the outcome, `x` what stands beside it (a ratio's denominator, or the outcome's own past), and their squares.

    `m` counts units without a past (their x is 0) and `my` sums their y.

    >>> Moments(n=1, y=2, yy=4) + Moments(n=1, y=3, yy=9)
    Moments(n=2, y=5, yy=13, x=0.0, xx=0.0, xy=0.0, m=0, my=0.0)
    """

    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    m: int = 0
    my: float = 0.0

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            n=self.n + other.n,
            y=self.y + other.y,
            yy=self.yy + other.yy,
            x=self.x + other.x,
            xx=self.xx + other.xx,
            xy=self.xy + other.xy,
            m=self.m + other.m,
            my=self.my + other.my,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """Sums for a fair read-out of shares that moved: of w = 1 / propensity over the units of an arm, among `n` units of all arms."""

    n: int = 0
    shown: int = 0
    w: float = 0.0
    wy: float = 0.0
    ww: float = 0.0
    wwy: float = 0.0
    wwyy: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Order statistics of an arm: the value at a quantile of n values, and those at the ends of the rank's own interval."""

    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Outcomes of one metric in one corner: an arm's units, crossing ones apart, and the level of each dimension asked for."""

    metric: str
    arm: str
    is_crossed: bool
    levels: tuple[str, ...]
    moments: Moments
