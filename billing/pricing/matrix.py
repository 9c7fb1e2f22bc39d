"""Matrix: a unit price by the values of event properties, such as region and size, with a default for every other combination.

The usage comes as quantities by property values, in the order of `dimensions` (`Usage.groups`). Quantities below zero bill zero units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel, Needs, Usage, UsageError
from billing.pricing.document import ChargeError, check_fields, decimal_field
from billing.pricing.rated import Rated, TraceStep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

MAX_DIMENSIONS = 5
MAX_PRICES = 1000
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """`unit_price` major units for each unit whose properties have exactly these `values`."""

    values: tuple[str, ...]
    unit_price: Decimal

    def to_document(self) -> dict[str, Any]:
        """The document that `Matrix.parse` reads back."""
        return {"values": list(self.values), "unit_price": format_quantity(self.unit_price)}


@dataclass(frozen=True, slots=True)
class Matrix(ChargeModel):
    """A table of unit prices.

    Ten hours in the EU at 2 and five elsewhere at 3.

    >>> from decimal import Decimal
    >>> model = Matrix(("region",), (Cell(("eu",), Decimal(2)),), default=Decimal(3))
    >>> model.rate_usage(Usage(Decimal(15), groups={("eu",): Decimal(10), ("us",): Decimal(5)}), "EUR").money().text
    '35.00'
    """

    model: ClassVar[str] = "matrix"
    needs: ClassVar[Needs] = Needs.GROUPS
    dimensions: tuple[str, ...]
    prices: tuple[Cell, ...]
    default: Decimal

    def __post_init__(self) -> None:
        if len(set(self.dimensions)) != len(self.dimensions):
            raise ChargeError("each dimension is named once", field="dimensions")
        seen: set[tuple[str, ...]] = set()
        for place, cell in enumerate(self.prices):
            if len(cell.values) != len(self.dimensions):
                raise ChargeError("there is one value for each dimension", field=f"prices[{place}].values")
            if cell.values in seen:
                raise ChargeError("these values have a price already", field=f"prices[{place}].values")
            seen.add(cell.values)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "matrix", "dimensions": ["region"], "prices": [{"values": ["eu"], "unit_price": "2"}], "default": "3"}`."""
        check_fields(document, required={"model", "dimensions", "prices", "default"})
        cells = document["prices"]
        if not isinstance(cells, (list, tuple)) or not 1 <= len(cells) <= MAX_PRICES:
            raise ChargeError(f"prices is a list of 1 to {MAX_PRICES} entries", field="prices")
        return cls(
            _texts(document["dimensions"], "dimensions"),
            tuple(_cell(entry, f"prices[{place}]") for place, entry in enumerate(cells)),
            decimal_field(document, "default"),
        )

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "dimensions": list(self.dimensions),
            "prices": [cell.to_document() for cell in self.prices],
            "default": format_quantity(self.default),
        }

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The price of nothing; UsageError for a quantity, since its property values are not known."""
        return self.rate_usage(Usage(quantity), currency)

    def rate_usage(self, usage: Usage, currency: str) -> Rated:
        """The sum over the groups, each at its own price; the order in which they are given plays no part."""
        if usage.quantity > 0 and not usage.groups:
            raise UsageError("this price needs quantities by property values", dimensions=list(self.dimensions))
        if any(len(values) != len(self.dimensions) for values in usage.groups):
            raise UsageError("each group has one value for each dimension", dimensions=list(self.dimensions))
        return Rated(currency=currency, trace=tuple(self._steps(usage.groups)))

    def _steps(self, groups: Mapping[tuple[str, ...], Decimal]) -> Iterator[TraceStep]:
        table = {cell.values: cell.unit_price for cell in self.prices}
        for values, quantity in sorted(groups.items()):
            units = max(Fraction(quantity), Fraction(0))
            price = table.get(values, self.default)
            where = ", ".join(f"{name} {value}" for name, value in zip(self.dimensions, values, strict=True))
            yield TraceStep(
                rule="matrix" if values in table else "matrix_default",
                detail=where if values in table else f"{where}: the default price",
                quantity=units,
                unit_price=price,
                amount=units * Fraction(price),
            )


def _cell(entry: object, where: str) -> Cell:
    if not isinstance(entry, Mapping):
        raise ChargeError("a price is an object with values and unit_price", field=where)
    try:
        check_fields(entry, required={"values", "unit_price"})
        return Cell(_texts(entry["values"], "values"), decimal_field(entry, "unit_price"))
    except ChargeError as error:
        raise ChargeError(error.detail, **{**error.facts, "field": f"{where}.{error.facts['field']}"}) from None


def _texts(raw: object, field: str) -> tuple[str, ...]:
    if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= MAX_DIMENSIONS:
        raise ChargeError(f"{field} is a list of 1 to {MAX_DIMENSIONS} texts", field=field)
    if not all(isinstance(text, str) and 0 < len(text) <= _LONGEST_TEXT for text in raw):
        raise ChargeError(f"{field} has texts of 1 to {_LONGEST_TEXT} characters", field=field)
    return tuple(raw)
