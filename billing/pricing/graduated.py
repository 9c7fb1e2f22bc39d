"""Graduated tiers: each unit costs what the tier it falls into says, and a tier's flat amount is charged once when it is entered.

Upper bounds are inclusive. At zero usage the first tier counts as entered, so its flat amount is charged, unless `flat_at_zero` is off.
A negative usage bills zero units.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.pricing.charge import ChargeModel
from billing.pricing.document import check_fields, flag_field
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tiers import Tier, check_tiers, entered, parse_tiers, range_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Graduated(ChargeModel):
    """Tiers applied one after another, like income tax.

    Twelve units: the first ten at 7, two at 6, and 3 for entering the second tier.

    >>> from decimal import Decimal
    >>> tiers = (Tier(Decimal(10), Decimal(7)), Tier(None, Decimal(6), flat=Decimal(3)))
    >>> Graduated(tiers).rate(Decimal(12), "EUR").money().text
    '85.00'
    """

    model: ClassVar[str] = "graduated"
    tiers: tuple[Tier, ...]
    flat_at_zero: bool = True

    def __post_init__(self) -> None:
        check_tiers(self.tiers)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "graduated", "tiers": [{"up_to": "10", "unit_price": "7", "flat": "0"}, ...], "flat_at_zero": true}`."""
        check_fields(document, required={"model", "tiers"}, optional={"flat_at_zero"})
        return cls(parse_tiers(document), flag_field(document, "flat_at_zero", default=True))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "tiers": [tier.to_document() for tier in self.tiers],
            "flat_at_zero": self.flat_at_zero,
        }

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The sum over the tiers that were entered; the cost never falls when the quantity grows."""
        return Rated(currency=currency, trace=tuple(self._steps(max(Fraction(quantity), Fraction(0)))))

    def _steps(self, units: Fraction) -> Iterator[TraceStep]:
        for number, tier, lower, upper in entered(self.tiers, units, at_zero=self.flat_at_zero):
            yield TraceStep(
                rule="tier",
                detail=f"tier {number}, {range_text(lower, tier.up_to)}",
                quantity=upper - lower,
                unit_price=tier.unit_price,
                amount=(upper - lower) * Fraction(tier.unit_price),
            )
            if tier.flat:
                yield TraceStep(rule="tier_flat", detail=f"once for entering tier {number}", amount=Fraction(tier.flat))
