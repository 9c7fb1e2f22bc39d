"""A rate card: the charges of one plan version, read once, with its fees and its metered charges told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.catalog.item import MeterUse
from billing.kernel.cadence import Interval
from billing.kernel.money import Money, format_quantity, round_minor
from billing.pricing.charge import Charge, Needs, Timing
from billing.pricing.context import NO_CONTEXT
from billing.pricing.quote import PricedLine, priced, total
from billing.pricing.rated import TraceStep
from billing.pricing.recurring import RecurringPrice
from billing.pricing.registry import parse_charge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.kernel.period import Period
    from billing.pricing.context import PricingContext

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class PhaseDiscount:
    """What a phase of a plan takes off its fees: `percent` of each, rounded once with the line."""

    name: str
    percent: Decimal

    def taken_from(self, line: PricedLine) -> PricedLine:
        """The line with the percent off, and the step that says so."""
        exact = sum((step.amount for step in line.trace), Fraction(0))
        detail = f"{self.name}: {format_quantity(self.percent)} % off"
        step = TraceStep(rule="phase", detail=detail, amount=-exact * Fraction(self.percent) / 100)
        return replace(
            line,
            unit_price=None,
            amount=Money.round(exact + step.amount, line.amount.currency),
            trace=(*line.trace, step),
        )


@dataclass(frozen=True, slots=True)
class RateCard:
    """The charges of one version in its currency."""

    charges: tuple[Charge, ...]
    currency: str

    def fees(
        self,
        period: Period | None,
        *,
        seats: int = 1,
        context: PricingContext = NO_CONTEXT,
        off: PhaseDiscount | None = None,
    ) -> tuple[PricedLine, ...]:
        """The lines that are billed at the start of a period, each for the whole of it, in a phase with its percent off."""
        lines = (
            priced(charge, Decimal(seats) if charge.per_seat else _ONE, self.currency, period=period, context=context)
            for charge in self.charges
            if charge.timing is Timing.ADVANCE
        )
        return tuple(line if off is None else off.taken_from(line) for line in lines)

    @property
    def metered(self) -> tuple[Charge, ...]:
        """The charges that count usage, billed after the period."""
        return tuple(charge for charge in self.charges if charge.meter is not None)

    @property
    def recurring(self) -> Money:
        """What a whole period costs before any usage: the price a customer is shown."""
        return total(self.fees(None), self.currency)

    def monthly_minor(self, interval: str, count: int) -> int:
        """The fees as a monthly amount, in minor units: the version's share of monthly recurring revenue."""
        return round_minor(RecurringPrice(self.recurring, Interval(interval), count).minor_per_month)


def read_card(documents: Sequence[Mapping[str, Any]], currency: str) -> RateCard:
    """The rate card that a version's charge documents make."""
    return RateCard(tuple(parse_charge(document) for document in documents), currency)


def recurring_price(documents: Sequence[Mapping[str, Any]], currency: str) -> Money:
    """What a whole period of a version costs before any usage.

    >>> fee = {"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": "19"}}
    >>> recurring_price([fee], "EUR").text
    '19.00'
    """
    return read_card(documents, currency).recurring


def meter_of(document: Mapping[str, Any]) -> MeterUse | None:
    """The meter that a charge document counts and what is read of it, once the document is known to be sound."""
    charge = parse_charge(document)
    if charge.meter is None:
        return None
    by_group = charge.model.needs is Needs.GROUPS
    return MeterUse(
        key=charge.meter,
        groups=tuple(getattr(charge.model, "dimensions", ())) if by_group else (),
        divides=charge.reads_hours or charge.model.needs is Needs.EVENTS,
    )
