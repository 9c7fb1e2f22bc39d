"""Packages: a price for each package of units that is started, or only for each full one, after the free units.

Counted exactly, so a multiple above 2**53 is still a multiple. A negative usage bills no package.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import ChargeError, check_fields, decimal_field, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep

if TYPE_CHECKING:
    from collections.abc import Mapping


class Round(Enum):
    """What a package that is not full costs: its whole price, or nothing."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Package(ChargeModel):
    """`package_price` major units for each `package_size` units above the first `free_units`.

    Five a hundred, the first hundred free: 201 units start two packages.

    >>> Package(Decimal(100), Decimal(5), free_units=Decimal(100)).rate(Decimal(201), "USD").money().text
    '10.00'
    """

    model: ClassVar[str] = "package"
    package_size: Decimal
    package_price: Decimal
    free_units: Decimal = Decimal(0)
    round: Round = Round.UP

    def __post_init__(self) -> None:
        if self.package_size <= 0:
            raise ChargeError("a package has more than zero units", field="package_size", value=str(self.package_size))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "package", "package_size": "100", "package_price": "5"}`, and perhaps `"free_units": "100", "round": "down"`."""
        check_fields(document, required={"model", "package_size", "package_price"}, optional={"free_units", "round"})
        return cls(
            decimal_field(document, "package_size"),
            decimal_field(document, "package_price"),
            optional_decimal_field(document, "free_units") or Decimal(0),
            _round(document.get("round", Round.UP.value)),
        )

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "package_size": format_quantity(self.package_size),
            "package_price": format_quantity(self.package_price),
            "free_units": format_quantity(self.free_units),
            "round": self.round.value,
        }

    def packages(self, quantity: Decimal) -> int:
        """How many packages `quantity` units are billed as.

        >>> Package(Decimal(10), Decimal(1)).packages(Decimal("10.0001"))
        2
        """
        packages = max(Fraction(quantity) - Fraction(self.free_units), Fraction(0)) / Fraction(self.package_size)
        return ceil(packages) if self.round is Round.UP else floor(packages)

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """Packages times price; the cost never falls when the quantity grows."""
        steps = []
        if self.free_units:
            free = min(max(Fraction(quantity), Fraction(0)), Fraction(self.free_units))
            detail = f"the first {format_quantity(self.free_units)} units are free"
            steps.append(TraceStep(rule="free_units", detail=detail, quantity=free, amount=Fraction(0)))
        count = Fraction(self.packages(quantity))
        rounded = "a started one counts" if self.round is Round.UP else "only full ones count"
        steps.append(
            TraceStep(
                rule="package",
                detail=f"packages of {format_quantity(self.package_size)} units, {rounded}",
                quantity=count,
                unit_price=self.package_price,
                amount=count * Fraction(self.package_price),
            )
        )
        return Rated(currency=currency, trace=tuple(steps))


def _round(raw: object) -> Round:
    if raw not in [word.value for word in Round]:
        raise ChargeError("round is up or down", field="round", value=repr(raw)[:60])
    return Round(raw)
