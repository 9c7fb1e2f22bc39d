"""Pre-steps of rating: a meter's units into the units that are priced, and units that cost nothing; quantities, never money.

Both count from the whole of a period: what an invoice prices is the difference between two running totals, so that a period split over
several invoices prices, and gives away, exactly what one invoice would.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from billing.kernel.errors import InvalidError
from billing.kernel.money import format_quantity, round_minor

_PLACES = 12
_WIDE = Context(prec=100)
_NONE = Decimal(0)


class ConversionError(InvalidError):
    """Units that cannot be converted or given away as told."""

    code = "invalid_conversion"


class WholeUnits(Enum):
    """How converted units become whole ones."""

    EXACT = "exact"  # they do not: kept to 12 decimals, half away from zero
    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"  # half away from zero


@dataclass(frozen=True, slots=True)
class Conversion:
    """So many metered units are one priced unit: 1,000,000 bytes a megabyte, 60 seconds a minute; below 1 multiplies.

    >>> Conversion(Decimal(60), WholeUnits.UP).converted(Decimal(61))
    Decimal('2')
    """

    per_unit: Decimal
    whole: WholeUnits = WholeUnits.EXACT

    def __post_init__(self) -> None:
        if not self.per_unit.is_finite() or self.per_unit <= 0:
            raise ConversionError("a priced unit is more than zero metered units", per_unit=str(self.per_unit))

    def converted(self, quantity: Decimal) -> Decimal:
        """`quantity` metered units as priced units."""
        exact = Fraction(quantity) / Fraction(self.per_unit)
        if self.whole is WholeUnits.EXACT:
            return Decimal(format_quantity(Decimal(round_minor(exact * 10**_PLACES)).scaleb(-_PLACES, _WIDE)))
        if self.whole is WholeUnits.NEAREST:
            return Decimal(round_minor(exact))
        return Decimal(exact.__ceil__() if self.whole is WholeUnits.UP else exact.__floor__())


class FreeSplit(NamedTuple):
    """The units of an invoice that are priced, and those it gets for nothing."""

    billable: Decimal
    free: Decimal


@dataclass(frozen=True, slots=True)
class FreeUnits:
    """The first `units` of a period cost nothing; the earliest use takes them.

    >>> FreeUnits(Decimal(10)).split(Decimal(15), before=Decimal(4))
    FreeSplit(billable=Decimal('9'), free=Decimal('6'))
    """

    units: Decimal

    def __post_init__(self) -> None:
        if not self.units.is_finite() or self.units < 0:
            raise ConversionError("free units are zero or more", units=str(self.units))

    def billable(self, quantity: Decimal) -> Decimal:
        """What of a period's running total is priced."""
        return max(_WIDE.subtract(quantity, self.units), _NONE)

    def split(self, quantity: Decimal, *, before: Decimal = _NONE) -> FreeSplit:
        """The units of this invoice, `before` having been used earlier in the period; both are zero or more."""
        if quantity < 0 or before < 0:
            raise ConversionError("free units are taken by use of zero or more", quantity=str(quantity))
        billable = _WIDE.subtract(self.billable(_WIDE.add(before, quantity)), self.billable(before))
        return FreeSplit(billable, _WIDE.subtract(quantity, billable))
