"""Stairsteps: one price for the whole range that the period's quantity falls into, whatever its place in the range.

Upper bounds are inclusive and prices never fall from a step to the next, so more usage never costs less. At zero usage the first step is
charged, unless `flat_at_zero` is off. The step is chosen by the whole period's usage, so parts of a period are never rated apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel
from billing.pricing.document import ChargeError, check_fields, decimal_field, flag_field, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tiers import check_tiers, parse_entries, range_text, tier_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """`price` major units for any quantity up to and with `up_to` (None: no bound) that is above the step before."""

    up_to: Decimal | None
    price: Decimal

    def to_document(self) -> dict[str, Any]:
        """The document that `Stairstep.parse` reads back."""
        up_to = None if self.up_to is None else format_quantity(self.up_to)
        return {"up_to": up_to, "price": format_quantity(self.price)}


@dataclass(frozen=True, slots=True)
class Stairstep(ChargeModel):
    """Steps of which one is the price.

    Up to a thousand contacts for 50, more for 200.

    >>> from decimal import Decimal
    >>> Stairstep((Step(Decimal(1000), Decimal(50)), Step(None, Decimal(200)))).rate(Decimal(4500), "USD").money().text
    '200.00'
    """

    model: ClassVar[str] = "stairstep"
    splits: ClassVar[bool] = False
    steps: tuple[Step, ...]
    flat_at_zero: bool = True

    def __post_init__(self) -> None:
        check_tiers(self.steps, "steps")
        for place, (before, after) in enumerate(pairwise(self.steps), start=1):
            if after.price < before.price:
                raise ChargeError("prices do not fall", field=f"steps[{place}].price", value=str(after.price))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "stairstep", "steps": [{"up_to": "1000", "price": "50"}, ...], "flat_at_zero": true}`."""
        check_fields(document, required={"model", "steps"}, optional={"flat_at_zero"})
        return cls(parse_entries(document, "steps", _step), flag_field(document, "flat_at_zero", default=True))

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        return {
            "model": self.model,
            "steps": [step.to_document() for step in self.steps],
            "flat_at_zero": self.flat_at_zero,
        }

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The price of the step that `quantity` falls into."""
        units = max(Fraction(quantity), Fraction(0))
        number, step, lower = tier_of(self.steps, units)
        free = not units and not self.flat_at_zero
        detail = "no usage, no step" if free else f"step {number}, {range_text(lower, step.up_to)}"
        amount = Fraction(0) if free else Fraction(step.price)
        return Rated(currency=currency, trace=(TraceStep(rule="step", detail=detail, quantity=units, amount=amount),))


def highest(rated: Iterable[Rated]) -> Rated:
    """Capacity: several units (bandwidth, members) each reach a step, and only the dearest is charged; the first where they are equal.

    >>> from decimal import Decimal
    >>> steps = Stairstep((Step(Decimal(10), Decimal(5)), Step(None, Decimal(9))))
    >>> highest(steps.rate(Decimal(peak), "EUR") for peak in (3, 12)).money().text
    '9.00'
    """
    return max(rated, key=lambda one: one.exact)


def _step(entry: Mapping[str, Any]) -> Step:
    check_fields(entry, required={"up_to", "price"})
    return Step(optional_decimal_field(entry, "up_to"), decimal_field(entry, "price"))
