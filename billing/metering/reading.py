"""What a meter sees of an event, and how stored values are read as numbers and as text. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from billing.kernel.money import parse_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.item import Meter

LARGEST_VALUE = 10**12
EXACT = Context(prec=200, traps=[Inexact])  # a number has 31 digits before the point and 90 behind it at most


@dataclass(frozen=True, slots=True)
class Reading:
    """One event as a meter sees it: when, in which order among equals, its raw value, and all its properties."""

    at: datetime
    order: tuple[str, str]
    value: Any
    data: Mapping[str, Any] = field(default_factory=dict)


def number_of(value: object) -> Decimal | None:
    """The exact number a stored value stands for; None when it is no number, or one that no invoice could price.

    >>> number_of("2.50"), number_of("1e13"), number_of("many")
    (Decimal('2.50'), None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = parse_decimal(str(value))
    except InvalidError:
        return None
    return number if abs(number) <= LARGEST_VALUE else None


def text_of(value: object) -> str | None:
    """The text that filters and groups compare: truth as JSON writes it, numbers by their digits; None for nothing.

    >>> text_of(True), text_of(3), text_of("eu"), text_of(None)
    ('true', '3', 'eu', None)
    """
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def passes(meter: Meter, data: Mapping[str, Any]) -> bool:
    """Whether an event with these properties passes every filter of the meter."""
    return all(text_of(data.get(name)) in values for name, values in meter.filters.items())
