"""The time-weighted level: each event changes it, it carries over from before the period, and its average over the period counts.

The average is exact as a fraction; as a quantity it has 18 decimals, half to even.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Rounding, round_minor
from billing.metering.reading import EXACT, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading

DECIMALS = 18
_MICROSECOND = timedelta(microseconds=1)


def weighted_sum(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:
    """The average level over the period, to 18 decimals."""
    if period is None:
        raise InvalidError("a weighted sum is the average over a period; name the period", meter=meter.key)
    return decimal_of(average_level(readings, period))


def average_level(readings: Iterable[Reading], period: Period) -> Fraction:
    """sum(level x time) / period, exactly: a change counts for the share of the period that is left when it happens."""
    weighed = Fraction(0)
    for reading in readings:
        change = number_of(reading.value)
        if change is not None and reading.at < period.end:
            left = (period.end - max(reading.at, period.start)) // _MICROSECOND
            weighed += Fraction(change) * left
    return weighed / period.microseconds


def level_at_end(readings: Iterable[Reading], period: Period) -> Decimal:
    """The level that the next period begins with."""
    with localcontext(EXACT):
        return sum(
            (
                change
                for reading in readings
                if reading.at < period.end and (change := number_of(reading.value)) is not None
            ),
            Decimal(0),
        )


def decimal_of(exact: Fraction) -> Decimal:
    """A fraction to 18 decimals, half to even.

    >>> decimal_of(Fraction(1, 3)), decimal_of(Fraction(5, 2))
    (Decimal('0.333333333333333333'), Decimal('2.5'))
    """
    scaled = round_minor(exact * 10**DECIMALS, Rounding.HALF_EVEN)
    with localcontext(EXACT):
        return Decimal(scaled).scaleb(-DECIMALS).normalize() + 0
