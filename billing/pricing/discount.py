"""Coupons in minor units: an amount or a percent, off the lines they are for, shared so that the parts add up.

A discount never makes a line negative and never takes more than its lines come to; what a coupon cannot use is lost, and said. A credit
among the lines lowers what a coupon counts, so that a change there and back at one instant is discounted by nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, format_quantity
from billing.pricing.item import EVERYTHING, Cut, Item, Scope, net_of, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from billing.kernel.period import Period

_ALL = 100


class CouponError(InvalidError):
    """A coupon that cannot mean anything as it stands."""

    code = "invalid_coupon"


class Level(Enum):
    """When a coupon is taken: off its lines, before spending limits, or off the invoice, after them."""

    LINE = "line"
    INVOICE = "invoice"


class Stacking(Enum):
    """What a percent counts where several coupons meet."""

    CHAIN = "chain"  # the default: what the coupon before it left over
    SIDE_BY_SIDE = "side_by_side"  # what was there before any coupon


class Worth(Protocol):
    """How much a coupon takes, unbounded: an amount or a percent."""

    def of(self, base: Money) -> Money:
        """What is taken off `base`, rounded once."""
        ...

    @property
    def words(self) -> str:
        """The worth for people."""
        ...


@dataclass(frozen=True, slots=True)
class AmountOff:
    """A fixed amount off."""

    amount: Money

    def __post_init__(self) -> None:
        if self.amount.amount_minor <= 0:
            raise CouponError("a coupon takes more than nothing", amount=str(self.amount))

    def of(self, base: Money) -> Money:
        """The amount itself; another currency than the lines' is a CouponError."""
        if base.currency != self.amount.currency:
            raise CouponError(f"a coupon in {self.amount.currency} cannot pay {base.currency}", currency=base.currency)
        return self.amount

    @property
    def words(self) -> str:
        """`10.00 EUR off`."""
        return f"{self.amount} off"


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A percent off, above 0 and at most 100."""

    percent: Decimal

    def __post_init__(self) -> None:
        if not self.percent.is_finite() or not 0 < self.percent <= _ALL:
            raise CouponError("a coupon takes above 0 and at most 100 percent", percent=str(self.percent))

    @property
    def fraction(self) -> Fraction:
        """The percent as a part of one."""
        return Fraction(self.percent) / _ALL

    def of(self, base: Money) -> Money:
        """The percent of the sum of the lines, rounded once, never line by line."""
        return base.prorate(self.fraction)

    @property
    def words(self) -> str:
        """`25 % off`."""
        return f"{format_quantity(self.percent)} % off"


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a redeemed coupon counts: a number of billing periods, a number of months, or for good when neither is given."""

    periods: int | None = None
    months: int | None = None

    def __post_init__(self) -> None:
        given = [size for size in (self.periods, self.months) if size is not None]
        if len(given) > 1 or any(size < 1 for size in given):
            raise CouponError("a coupon lasts one or more periods or months, or for good", given=given)

    def covers(self, number: int, period: Period, redeemed_at: datetime, zone: str = "UTC") -> bool:
        """Whether billing period `number` (0 is the first after redeeming) is discounted.

        Months reach every period that starts before they are over, and that period whole: a month on a yearly plan is the first year.
        """
        if self.periods is not None:
            return 0 <= number < self.periods
        if self.months is None:
            return True
        return period.start < Cadence(redeemed_at, Interval.MONTH, self.months, zone).boundary(1)


FOREVER = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A named discount: what it is worth, the lines it is for, when it is taken and how long it lasts."""

    key: str
    worth: Worth
    scope: Scope = EVERYTHING
    level: Level = Level.INVOICE
    duration: Duration = FOREVER


@dataclass(frozen=True, slots=True)
class Taken:
    """What a coupon took, and what of a fixed amount found nothing to be taken off and is lost."""

    coupon: Coupon
    amount: Money
    unused: Money


@dataclass(frozen=True, slots=True)
class Discounted:
    """The items after coupons, and what each coupon took, in the order of the coupons."""

    items: tuple[Item, ...]
    taken: tuple[Taken, ...]


def discount(
    items: Sequence[Item], coupons: Iterable[Coupon], currency: str, *, stacking: Stacking = Stacking.CHAIN
) -> Discounted:
    """Take coupons off the items they are for, one after the other."""
    before, after, taken = tuple(items), tuple(items), []
    for coupon in coupons:
        left = _base(after, coupon.scope, currency)
        wanted = coupon.worth.of(left if stacking is Stacking.CHAIN else _base(before, coupon.scope, currency))
        amount = min(wanted, left)
        cut = Cut(rule="discount", key=coupon.key, detail=f"{coupon.key}: {coupon.worth.words}", amount=amount)
        after = spread(after, coupon.scope, cut)
        taken.append(Taken(coupon, amount, wanted - amount))
    return Discounted(after, tuple(taken))


def _base(items: Sequence[Item], scope: Scope, currency: str) -> Money:
    """What the items in scope come to, credits included, and never below zero."""
    return max(net_of((item for item in items if scope.covers(item)), currency), Money.zero(currency))
