"""A flat fee: the same amount whatever the quantity, in major units."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import check_fields, decimal_field
from billing.pricing.rated import Rated, TraceStep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Flat(ChargeModel):
    """A fixed fee a period.

    >>> from decimal import Decimal
    >>> Flat(Decimal("29.90")).rate(Decimal(1), "EUR").money().text
    '29.90'
    """

    model: ClassVar[str] = "flat"
    amount: Decimal

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "flat", "amount": "29.90"}`."""
        check_fields(document, required={"model", "amount"})
        return cls(decimal_field(document, "amount"))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {"model": self.model, "amount": format_quantity(self.amount)}

    def rate(self, quantity: Decimal, currency: str) -> Rated:  # noqa: ARG002 - a flat fee is the model that ignores quantity
        """The fee itself."""
        step = TraceStep(rule="flat", detail="a fixed fee", amount=Fraction(self.amount))
        return Rated(currency=currency, trace=(step,), unit_price=self.amount)
