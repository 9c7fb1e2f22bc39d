"""What is kept of an arm: sums that add up over days, shards and segments, and give means and variances without the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Summary(Protocol):
    """An arm's mean of a metric, as tests need it."""

    @property
    def n(self) -> int:
        """Independent units (customers, or clusters where assignment was by cluster)."""

    @property
    def mean(self) -> float:
        """The metric's value for the arm."""

    @property
    def variance(self) -> float:
        """The variance of one unit's contribution: the mean's own variance is `variance / n`."""


@dataclass(frozen=True, slots=True)
class Cases:
    """A share of units: `cases` of `n`. The variance is p(1 - p).

    >>> Cases(1000, 100).mean
    0.1
    """

    n: int
    cases: int

    @property
    def mean(self) -> float:
        """The share."""
        return self.cases / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Of one unit's 0 or 1."""
        return self.mean * (1 - self.mean)

    def __add__(self, other: Cases) -> Cases:
        return Cases(self.n + other.n, self.cases + other.cases)


@dataclass(frozen=True, slots=True)
class Sums:
    """A mean over units: n, the sum and the sum of squares; the variance is the sample's (n - 1).

    >>> both = Sums.of([1.0, 2.0]) + Sums.of([6.0])
    >>> both.mean, both.variance
    (3.0, 7.0)
    """

    n: int
    total: float
    squares: float

    @classmethod
    def of(cls, values: list[float]) -> Sums:
        """Of the rows themselves."""
        return cls(len(values), sum(values), sum(value * value for value in values))

    @property
    def mean(self) -> float:
        """Per unit."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Of one unit's value."""
        return _variance(self.n, self.total, self.squares)

    @property
    def effective(self) -> float:
        """How many units of equal value would vary as these do (Kish 1965): few where a few large ones make the sum.

        >>> Sums.of([5.0, 5.0, 0.0, 0.0]).effective, round(Sums.of([50.0, 1.0, 1.0, 1.0]).effective, 2)
        (2.0, 1.12)
        """
        return _effective(self.total, self.squares)

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Sums of two values a unit, `y` of interest and `x` beside it: a covariate for CUPED, a denominator for a ratio."""

    n: int
    y: float
    x: float
    yy: float
    xx: float
    xy: float

    @classmethod
    def of(cls, y: list[float], x: list[float]) -> Pairs:
        """Of the rows themselves."""
        return cls(
            n=len(y),
            y=sum(y),
            x=sum(x),
            yy=sum(a * a for a in y),
            xx=sum(b * b for b in x),
            xy=sum(a * b for a, b in zip(y, x, strict=True)),
        )

    @property
    def mean_y(self) -> float:
        """Per unit."""
        return self.y / self.n if self.n else 0.0

    @property
    def mean_x(self) -> float:
        """Per unit."""
        return self.x / self.n if self.n else 0.0

    @property
    def variance_y(self) -> float:
        """Of one unit's y."""
        return _variance(self.n, self.y, self.yy)

    @property
    def variance_x(self) -> float:
        """Of one unit's x."""
        return _variance(self.n, self.x, self.xx)

    @property
    def covariance(self) -> float:
        """Of one unit's y and x."""
        return (self.xy - self.y * self.x / self.n) / (self.n - 1) if self.n > 1 else 0.0

    @property
    def effective(self) -> float:
        """How many units of equal y would vary as these do (Kish 1965)."""
        return _effective(self.y, self.yy)

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            n=self.n + other.n,
            y=self.y + other.y,
            x=self.x + other.x,
            yy=self.yy + other.yy,
            xx=self.xx + other.xx,
            xy=self.xy + other.xy,
        )


@dataclass(frozen=True, slots=True)
class Summarised:
    """A mean and a variance that were derived, by the delta method or an adjustment; `effective` as in `Sums`, None where it is n."""

    n: int
    mean: float
    variance: float
    effective: float | None = None


def ratio(pairs: Pairs) -> Summarised | None:
    """Sum of y over sum of x, its variance by the delta method (Deng, Knoblich & Lu 2018); None where the denominator sums to zero.

    Also the mean of a member's value where customers were assigned: y the customer's sum, x its number of members.
    """
    if pairs.n == 0 or pairs.x == 0:
        return None
    value = pairs.y / pairs.x
    spread = pairs.variance_y - 2 * value * pairs.covariance + value * value * pairs.variance_x
    return Summarised(pairs.n, value, max(spread, 0.0) / pairs.mean_x**2, pairs.effective)


def _effective(total: float, squares: float) -> float:
    return total * total / squares if squares > 0 else 0.0


def _variance(n: int, total: float, squares: float) -> float:
    return max((squares - total * total / n) / (n - 1), 0.0) if n > 1 else 0.0
