"""Tiers by their upper bounds only: ascending, inclusive, the last one open, so that no gap and no overlap can be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from billing.kernel.money import format_quantity
from billing.pricing.document import ChargeError, check_fields, decimal_field, optional_decimal_field

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TIERS = 100


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
    raw = document[field]
    if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= MAX_TIERS:
        raise ChargeError(f"{field} is a list of 1 to {MAX_TIERS} tiers", field=field)
    return tuple(_tier(entry, f"{field}[{place}]") for place, entry in enumerate(raw))


def check_tiers(tiers: Sequence[Tier], field: str = "tiers") -> None:
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


def _tier(entry: object, where: str) -> Tier:
    if not isinstance(entry, Mapping):
        raise ChargeError("a tier has up_to, unit_price and perhaps flat", field=where)
    try:
        check_fields(entry, required={"up_to", "unit_price"}, optional={"flat"})
        return Tier(
            optional_decimal_field(entry, "up_to"),
            decimal_field(entry, "unit_price"),
            optional_decimal_field(entry, "flat") or Decimal(0),
        )
    except ChargeError as error:
        raise ChargeError(error.detail, **{**error.facts, "field": f"{where}.{error.facts['field']}"}) from None
