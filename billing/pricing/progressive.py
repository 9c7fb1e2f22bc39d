"""Progressive billing: a period's usage billed in parts, each the price of all usage so far less what was billed for it; minor units.

The parts add up, to the minor unit, to what one invoice would have charged, whatever the splits. A model that chooses one tier by the
whole period's usage is refused, since its parts mean nothing before the period is over.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, Rounding
from billing.pricing.context import NO_CONTEXT
from billing.pricing.quote import priced
from billing.pricing.rated import TraceStep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from billing.kernel.period import Period
    from billing.pricing.charge import Charge, Usage
    from billing.pricing.context import PricingContext
    from billing.pricing.quote import PricedLine

BILLED_BEFORE = "billed_before"  # the rule of the step that takes off what earlier parts billed


class ProgressiveError(InvalidError):
    """A charge that is only rated once, over the whole of its period."""

    code = "invalid_progressive"


def running_line(
    charge: Charge,
    so_far: Decimal | Usage,
    billed: Money,
    *,
    period: Period | None = None,
    rounding: Rounding = Rounding.HALF_UP,
    context: PricingContext = NO_CONTEXT,
) -> PricedLine:
    """The line for what is not billed yet: the price of the period's usage `so_far` less `billed`, in the currency of `billed`.

    Below zero where a correction brought the usage under what was billed. Its trace adds up to its amount exactly.
    """
    if not charge.splits:
        raise ProgressiveError(
            f"{charge.key!r} chooses its price by the whole period's usage: bill it once, at the end", key=charge.key
        )
    whole = priced(charge, so_far, billed.currency, period=period, rounding=rounding, context=context)
    if billed.amount_minor == 0:
        return whole
    rounded = Fraction(whole.amount.to_decimal())
    residue = rounded - sum((step.amount for step in whole.trace), Fraction(0))
    steps = [TraceStep(rule="rounding", detail="rounded once, at the line", amount=residue)] if residue else []
    steps.append(
        TraceStep(rule=BILLED_BEFORE, detail="billed earlier in the period", amount=-Fraction(billed.to_decimal()))
    )
    return replace(whole, unit_price=None, amount=whole.amount - billed, trace=(*whole.trace, *steps))


def crossed(thresholds: Iterable[Money], before: Money, now: Money) -> Money | None:
    """The highest threshold that usage worth `now` has reached and usage worth `before` had not, or None: bill what is unbilled then.

    >>> crossed([Money(20000, "EUR"), Money(50000, "EUR")], Money(100, "EUR"), Money(20000, "EUR")).text
    '200.00'
    """
    return max((threshold for threshold in thresholds if before < threshold <= now), default=None)
