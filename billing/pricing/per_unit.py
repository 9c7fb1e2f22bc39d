"""The same price for every unit, with an optional cap on the amount; a negative usage bills zero units."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import check_fields, decimal_field, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep, price_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PerUnit(ChargeModel):
    """`unit_price` major units a unit, at most `cap` in all.

    >>> from decimal import Decimal
    >>> PerUnit(Decimal("0.00002")).rate(Decimal(1234567), "USD").exact
    Fraction(1234567, 50000)
    >>> PerUnit(Decimal("0.10"), cap=Decimal(100)).rate(Decimal(1500), "USD").money().text
    '100.00'
    """

    model: ClassVar[str] = "per_unit"
    unit_price: Decimal
    cap: Decimal | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "per_unit", "unit_price": "0.10", "cap": "100"}`; the cap may be left out."""
        check_fields(document, required={"model", "unit_price"}, optional={"cap"})
        return cls(decimal_field(document, "unit_price"), optional_decimal_field(document, "cap"))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        document = {"model": self.model, "unit_price": format_quantity(self.unit_price)}
        return document if self.cap is None else {**document, "cap": format_quantity(self.cap)}

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """Units times price, brought down to the cap where it is above."""
        units = max(Fraction(quantity), Fraction(0))
        amount = units * Fraction(self.unit_price)
        steps = [
            TraceStep(
                rule="unit_price",
                detail="negative usage bills zero units" if quantity < 0 else "the same price for every unit",
                quantity=units,
                unit_price=self.unit_price,
                amount=amount,
            )
        ]
        if self.cap is not None and amount > self.cap:
            detail = f"never more than {price_text(self.cap, currency)}"
            steps.append(TraceStep(rule="cap", detail=detail, amount=Fraction(self.cap) - amount))
        return Rated(currency=currency, trace=tuple(steps), unit_price=self.unit_price)
