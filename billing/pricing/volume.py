"""Volume tiers: all units of the period cost what the one tier says that the whole quantity falls into.

Upper bounds are inclusive. Crossing a bound may lower the bill; that is what the price list says and it is kept. Since the tier is chosen
by the whole period's usage, parts of a period are never rated apart (`splits`). A negative usage bills zero units.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.pricing.charge import ChargeModel
from billing.pricing.document import check_fields, flag_field
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tiers import Tier, check_tiers, parse_tiers, range_text, tier_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Volume(ChargeModel):
    """Tiers of which one prices every unit.

    Twelve units are above ten, so each costs 6, and the tier costs 3.

    >>> from decimal import Decimal
    >>> tiers = (Tier(Decimal(10), Decimal(7)), Tier(None, Decimal(6), flat=Decimal(3)))
    >>> Volume(tiers).rate(Decimal(12), "EUR").money().text
    '75.00'
    """

    model: ClassVar[str] = "volume"
    splits: ClassVar[bool] = False
    tiers: tuple[Tier, ...]
    flat_at_zero: bool = True

    def __post_init__(self) -> None:
        check_tiers(self.tiers)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "volume", "tiers": [{"up_to": "10", "unit_price": "7", "flat": "0"}, ...], "flat_at_zero": true}`."""
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
        """Every unit at the price of the tier that `quantity` falls into, and the tier's flat amount."""
        return self.rate_in_tier_of(quantity, quantity, currency)

    def rate_in_tier_of(self, quantity: Decimal, whole: Decimal, currency: str) -> Rated:
        """The price of `quantity` units (weighted by the time they were held) in the tier that the `whole` quantity falls into.

        >>> from decimal import Decimal
        >>> tiers = (Tier(Decimal(10), Decimal(7)), Tier(None, Decimal(6)))
        >>> Volume(tiers).rate_in_tier_of(Decimal(5), Decimal(12), "EUR").money().text
        '30.00'
        """
        units = max(Fraction(quantity), Fraction(0))
        number, tier, lower = tier_of(self.tiers, max(Fraction(whole), Fraction(0)))
        steps = [
            TraceStep(
                rule="tier",
                detail=f"all units at tier {number}, {range_text(lower, tier.up_to)}",
                quantity=units,
                unit_price=tier.unit_price,
                amount=units * Fraction(tier.unit_price),
            )
        ]
        if tier.flat and (whole > 0 or self.flat_at_zero):
            steps.append(TraceStep(rule="tier_flat", detail=f"once for tier {number}", amount=Fraction(tier.flat)))
        return Rated(currency=currency, trace=tuple(steps), unit_price=tier.unit_price)
