"""Tiers by their upper bounds only: ascending, inclusive, the last one open, so that no gap and no overlap can be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from billing.kernel.money import format_quantity
from billing.pricing.document import ChargeError, check_fields, decimal_field, optional_decimal_field
from billing.pricing.rated import exact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_TIERS = 100


class Bounded(Protocol):
    """Anything that reaches up to and with `up_to`, or without bound where that is None."""

    @property
    def up_to(self) -> Decimal | None:
        """The inclusive upper bound."""


_Entry = TypeVar("_Entry", bound=Bounded)


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and with `up_to` (None: no bound) at `unit_price`, and `flat` once when the tier is entered, in major units."""

    up_to: Decimal | None
    unit_price: Decimal
    flat: Decimal = Decimal(0)

    def to_document(self) -> dict[str, Any]:
        """The document that `parse_tiers` reads back."""
        return {
            "up_to": None if self.up_to is None else format_quantity(self.up_to),
            "unit_price": format_quantity(self.unit_price),
            "flat": format_quantity(self.flat),
        }


def parse_tiers(document: Mapping[str, Any], field: str = "tiers") -> tuple[Tier, ...]:
    """The tiers of a model document; an error names the tier by its place, as in `tiers[1].up_to`."""
    return parse_entries(document, field, _tier)


def parse_entries(
    document: Mapping[str, Any], field: str, read: Callable[[Mapping[str, Any]], _Entry]
) -> tuple[_Entry, ...]:
    """A list of bounded entries, each read by `read`; its errors are given the entry's place."""
    raw = document[field]
    if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= MAX_TIERS:
        raise ChargeError(f"{field} is a list of 1 to {MAX_TIERS} tiers", field=field)
    return tuple(_placed(entry, f"{field}[{place}]", read) for place, entry in enumerate(raw))


def entered(
    tiers: Sequence[_Entry], units: Fraction, *, at_zero: bool
) -> Iterator[tuple[int, _Entry, Fraction, Fraction]]:
    """The tiers that `units` reach: number from 1, tier, and the range used of it (above, up to). `at_zero` enters the first at zero."""
    lower = Fraction(0)
    for number, tier in enumerate(tiers, start=1):
        if units <= lower and not (number == 1 and at_zero):
            return
        upper = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        yield number, tier, lower, upper
        lower = upper


def tier_of(tiers: Sequence[_Entry], units: Fraction) -> tuple[int, _Entry, Fraction]:
    """The one tier that `units` fall into: number from 1, the tier, and the bound below it."""
    *_, (number, tier, lower, _upper) = entered(tiers, units, at_zero=True)
    return number, tier, lower


def range_text(lower: Fraction, up_to: Decimal | None, noun: str = "units") -> str:
    """A tier's range for people.

    >>> range_text(Fraction(10), Decimal(20)), range_text(Fraction(20), None)
    ('above 10 up to 20 units', 'above 20 units')
    """
    above = f"above {exact_text(lower)}"
    return f"{above} {noun}" if up_to is None else f"{above} up to {format_quantity(up_to)} {noun}"


def check_tiers(tiers: Sequence[Bounded], field: str = "tiers") -> None:
    """Refuse tiers that do not ascend from above zero, or whose last is not the only open one."""
    if not tiers or tiers[-1].up_to is not None:
        raise ChargeError("the last tier is open: give it no upper bound", field=f"{field}[{max(len(tiers) - 1, 0)}]")
    bounds = [Decimal(0)]
    for place, tier in enumerate(tiers[:-1]):
        if tier.up_to is None:
            raise ChargeError("only the last tier is open", field=f"{field}[{place}].up_to")
        bounds.append(tier.up_to)
    for place, (lower, upper) in enumerate(pairwise(bounds)):
        if upper <= lower:
            raise ChargeError("upper bounds ascend from above zero", field=f"{field}[{place}].up_to", value=str(upper))


def _tier(entry: Mapping[str, Any]) -> Tier:
    check_fields(entry, required={"up_to", "unit_price"}, optional={"flat"})
    return Tier(
        optional_decimal_field(entry, "up_to"),
        decimal_field(entry, "unit_price"),
        optional_decimal_field(entry, "flat") or Decimal(0),
    )


def _placed(entry: object, where: str, read: Callable[[Mapping[str, Any]], _Entry]) -> _Entry:
    if not isinstance(entry, Mapping):
        raise ChargeError("a tier is an object with up_to and its price", field=where)
    try:
        return read(entry)
    except ChargeError as error:
        raise ChargeError(error.detail, **{**error.facts, "field": f"{where}.{error.facts['field']}"}) from None
