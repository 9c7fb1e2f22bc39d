"""Dynamic: the events carry their own price, and the bill is their sum times a multiplier.

The meter adds up a price in major or minor units of the plan's currency, fractions of a unit included. Credits among the events are netted;
a sum below zero bills nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import exponent, format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import ChargeError, check_fields, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.pricing.charge import Usage

_ONE = Decimal(1)


class PriceUnit(Enum):
    """What the number in an event counts: euros or cents, for a plan in euros."""

    MAJOR = "major"
    MINOR = "minor"


@dataclass(frozen=True, slots=True)
class Dynamic(ChargeModel):
    """The prices in the events, times `multiplier`: a margin of a third on what the events cost.

    >>> Dynamic(Decimal("1.33333")).rate(Decimal(10), "USD").money().text
    '13.33'
    >>> Dynamic(price_unit=PriceUnit.MINOR).rate(Decimal("3715.5"), "USD").exact
    Fraction(7431, 200)
    """

    model: ClassVar[str] = "dynamic"
    multiplier: Decimal = _ONE
    price_unit: PriceUnit = PriceUnit.MAJOR

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "dynamic", "multiplier": "1.2", "price_unit": "major"}`; without them 1 and major units."""
        check_fields(document, required={"model"}, optional={"multiplier", "price_unit"})
        multiplier = optional_decimal_field(document, "multiplier")
        return cls(_ONE if multiplier is None else multiplier, _unit(document.get("price_unit", PriceUnit.MAJOR.value)))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "multiplier": format_quantity(self.multiplier),
            "price_unit": self.price_unit.value,
        }

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The price of events whose own prices add up to `quantity`."""
        return self._rated(Fraction(quantity), "the events' own prices", currency)

    def rate_usage(self, usage: Usage, currency: str) -> Rated:
        """The price of the events where their values are given, and otherwise of the quantity, which is their sum."""
        if not usage.values:
            return self.rate(usage.quantity, currency)
        total = sum((Fraction(value) for value in usage.values), Fraction(0))
        return self._rated(total, f"the own prices of {len(usage.values)} events", currency)

    def _rated(self, total: Fraction, words: str, currency: str) -> Rated:
        scale = 10 ** exponent(currency) if self.price_unit is PriceUnit.MINOR else 1
        major = max(total, Fraction(0)) / scale
        steps = [TraceStep(rule="dynamic", detail=words, quantity=major, amount=major)]
        if self.multiplier != _ONE:
            times = f"times {format_quantity(self.multiplier)}"
            steps.append(TraceStep(rule="multiplier", detail=times, amount=major * (Fraction(self.multiplier) - 1)))
        return Rated(currency=currency, trace=tuple(steps))


def _unit(raw: object) -> PriceUnit:
    if raw not in [unit.value for unit in PriceUnit]:
        raise ChargeError("price_unit is major or minor", field="price_unit", value=repr(raw)[:60])
    return PriceUnit(raw)
