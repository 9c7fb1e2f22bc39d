"""A rate card: the charges of one plan version, read once, with its fees and its metered charges told apart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Interval
from billing.kernel.money import Money, round_minor
from billing.pricing.charge import Charge, Needs, Timing
from billing.pricing.document import ChargeError
from billing.pricing.quote import PricedLine, priced, total
from billing.pricing.recurring import RecurringPrice
from billing.pricing.registry import parse_charge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.kernel.period import Period

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class RateCard:
    """The charges of one version in its currency."""

    charges: tuple[Charge, ...]
    currency: str

    def fees(self, period: Period | None) -> tuple[PricedLine, ...]:
        """The lines that are billed at the start of a period, each for the whole of it."""
        return tuple(
            priced(charge, _ONE, self.currency, period=period)
            for charge in self.charges
            if charge.timing is Timing.ADVANCE
        )

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


def meter_of(document: Mapping[str, Any]) -> str | None:
    """The meter that a charge document counts, once the document is known to be sound and one that an invoice can rate.

    Invoices read a period's quantity; models that look at single events or at groups of them can be previewed, not sold yet.
    """
    charge = parse_charge(document)
    if charge.model.needs is not Needs.QUANTITY:
        raise ChargeError(
            f"{charge.model.model} prices {charge.model.needs.value}, which invoices do not read yet; use another model",
            field="price.model",
        )
    return charge.meter
