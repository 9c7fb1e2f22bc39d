"""Graduated percentage: each part of an amount pays the rate of the tier it falls into, and a tier's flat amount once when it is entered.

The quantity is an amount in major units of the plan's currency. Upper bounds are inclusive. Where nothing was turned over no tier is
entered, so the first flat amount is not charged unless `flat_at_zero` is on. An amount below zero counts as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import check_fields, decimal_field, flag_field, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tiers import check_tiers, entered, parse_entries, range_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class RateTier:
    """`rate_percent` of what lies up to and with `up_to` (None: no bound), and `flat` once when the tier is entered, in major units."""

    up_to: Decimal | None
    rate_percent: Decimal
    flat: Decimal = Decimal(0)

    def to_document(self) -> dict[str, Any]:
        """The document that `GraduatedPercentage.parse` reads back."""
        return {
            "up_to": None if self.up_to is None else format_quantity(self.up_to),
            "rate_percent": format_quantity(self.rate_percent),
            "flat": format_quantity(self.flat),
        }


@dataclass(frozen=True, slots=True)
class GraduatedPercentage(ChargeModel):
    """Rates applied one after another, like income tax.

    Of 150, the first 100 pay 5 %, the next 50 pay 2 %, and 10 for entering the second tier.

    >>> tiers = (RateTier(Decimal(100), Decimal(5)), RateTier(None, Decimal(2), flat=Decimal(10)))
    >>> GraduatedPercentage(tiers).rate(Decimal(150), "EUR").money().text
    '16.00'
    """

    model: ClassVar[str] = "graduated_percentage"
    tiers: tuple[RateTier, ...]
    flat_at_zero: bool = False

    def __post_init__(self) -> None:
        check_tiers(self.tiers)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "graduated_percentage", "tiers": [{"up_to": null, "rate_percent": "2", "flat": "10"}], ...}`."""
        check_fields(document, required={"model", "tiers"}, optional={"flat_at_zero"})
        return cls(parse_entries(document, "tiers", _tier), flag_field(document, "flat_at_zero", default=False))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "tiers": [tier.to_document() for tier in self.tiers],
            "flat_at_zero": self.flat_at_zero,
        }

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The sum over the tiers that the amount `quantity` enters; the cost never falls when it grows."""
        return Rated(currency=currency, trace=tuple(self._steps(max(Fraction(quantity), Fraction(0)), currency)))

    def _steps(self, base: Fraction, currency: str) -> Iterator[TraceStep]:
        for number, tier, lower, upper in entered(self.tiers, base, at_zero=self.flat_at_zero):
            within = range_text(lower, tier.up_to, currency)
            yield TraceStep(
                rule="tier",
                detail=f"{format_quantity(tier.rate_percent)} % in tier {number}, {within}",
                quantity=upper - lower,
                amount=(upper - lower) * Fraction(tier.rate_percent) / 100,
            )
            if tier.flat:
                yield TraceStep(rule="tier_flat", detail=f"once for entering tier {number}", amount=Fraction(tier.flat))


def _tier(entry: Mapping[str, Any]) -> RateTier:
    check_fields(entry, required={"up_to", "rate_percent"}, optional={"flat"})
    return RateTier(
        optional_decimal_field(entry, "up_to"),
        decimal_field(entry, "rate_percent"),
        optional_decimal_field(entry, "flat") or Decimal(0),
    )
