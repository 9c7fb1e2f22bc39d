"""The priced line: what a preview shows, what an offer quotes and what the invoice carries, in one value and one JSON form.

`priced` is where a charge becomes money: the exact amount, its share of the period and then one rounding, at the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.clock import format_instant
from billing.kernel.money import Money, Rounding, format_quantity
from billing.pricing.charge import Usage
from billing.pricing.context import NO_CONTEXT
from billing.pricing.rated import price_text, share_step
from billing.pricing.rating import rate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from billing.kernel.period import Period
    from billing.pricing.charge import Charge
    from billing.pricing.context import PricingContext
    from billing.pricing.rated import TraceStep

_WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """One line of a quote or invoice; `amount` is the rounded sum of the trace, negative on a credit.

    `unit_price` is text with all its digits, and None where no single price holds (tiers, shares of a period).
    """

    key: str
    description: str
    quantity: Decimal
    unit_price: str | None
    amount: Money
    period: Period | None
    trace: tuple[TraceStep, ...]

    def to_document(self) -> dict[str, Any]:
        """The JSON form: money as `{"amount", "currency"}`, decimals as strings, instants in RFC 3339."""
        return {
            "key": self.key,
            "description": self.description,
            "quantity": format_quantity(self.quantity),
            "unit_price": self.unit_price,
            "amount": money_document(self.amount),
            "period": None if self.period is None else period_document(self.period),
            "trace": [step.to_document() for step in self.trace],
        }


def priced(
    charge: Charge,
    quantity: Decimal | Usage,
    currency: str,
    *,
    period: Period | None = None,
    share: Fraction = _WHOLE,
    rounding: Rounding = Rounding.HALF_UP,
    context: PricingContext = NO_CONTEXT,
) -> PricedLine:
    """The line of one charge for whoever `context` says buys. `share` (0 to 1) is the part of the period that a fee pays for.

    >>> from decimal import Decimal
    >>> from billing.pricing.registry import parse_charge
    >>> api = parse_charge(
    ...     {"key": "api", "name": "Calls", "meter": "api", "price": {"model": "per_unit", "unit_price": "0.00002"}}
    ... )
    >>> priced(api, Decimal(1234567), "USD").amount.text
    '24.69'
    """
    usage = quantity if isinstance(quantity, Usage) else Usage(quantity)
    rated = rate(charge, usage, currency, context)
    if share != _WHOLE:
        rated = rated.then([share_step(rated.exact, share)])
    return PricedLine(
        key=charge.key,
        description=charge.name,
        quantity=usage.quantity,
        unit_price=None if rated.unit_price is None else price_text(rated.unit_price, currency),
        amount=rated.money(rounding),
        period=period,
        trace=rated.trace,
    )


def total(lines: Iterable[PricedLine], currency: str) -> Money:
    """The sum of the rounded lines; a line in another currency is an error."""
    return sum((line.amount for line in lines), Money.zero(currency))


def quote_document(lines: Iterable[PricedLine], currency: str) -> dict[str, Any]:
    """The JSON form of a whole preview: its lines and their total."""
    kept = tuple(lines)
    return {"lines": [line.to_document() for line in kept], "total": money_document(total(kept, currency))}


def money_document(money: Money) -> dict[str, str]:
    """Money as the API writes it.

    >>> money_document(Money(1234, "EUR"))
    {'amount': '12.34', 'currency': 'EUR'}
    """
    return {"amount": money.text, "currency": money.currency}


def period_document(period: Period) -> dict[str, str]:
    """A half-open period as the API writes it."""
    return {"start": format_instant(period.start), "end": format_instant(period.end)}
