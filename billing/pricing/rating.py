"""The rating kernel: from a charge, its usage and who buys, to an exact amount with its explanation. Pure.

Pre-steps turn metered units into priced ones and give the free ones away; a rule may choose another price; the charge's model prices what
is left; bounds and the charge's own least and most come last. Each is a step of the explanation, and the steps add up to the amount.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.money import format_quantity
from billing.pricing.charge import Usage, UsageError
from billing.pricing.rated import Rated, TraceStep, price_text
from billing.pricing.rules import bounds_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.pricing.charge import Charge, ChargeModel
    from billing.pricing.context import PricingContext
    from billing.pricing.rules import PriceRule

_NOTHING = Fraction(0)
_ZERO = Decimal(0)


def rate(charge: Charge, usage: Usage, currency: str, context: PricingContext) -> Rated:
    """The exact price of a period's usage of one charge."""
    if charge.is_plain:
        return charge.model.rate_usage(usage, currency)
    billable, steps = _prepared(charge, usage)
    has_rules = bool(charge.rules)
    priced = _ruled(charge, billable, currency, context) if has_rules else charge.model.rate_usage(billable, currency)
    rated = replace(priced, trace=(*steps, *priced.trace))
    return _limited(charge, rated)


def _prepared(charge: Charge, usage: Usage) -> tuple[Usage, tuple[TraceStep, ...]]:
    """The units that are priced, and what was done to get there: steps that move no money."""
    quantity, steps = usage.quantity, []
    if charge.conversion is not None:
        converted = charge.conversion.converted(quantity)
        detail = f"{format_quantity(quantity)} units are {format_quantity(converted)} priced units"
        steps.append(TraceStep(rule="conversion", detail=detail, quantity=Fraction(converted), amount=_NOTHING))
        quantity = converted
    if charge.free_units is not None:
        split = charge.free_units.split(max(quantity, _ZERO))
        detail = f"the first {format_quantity(charge.free_units.units)} units cost nothing"
        steps.append(TraceStep(rule="free_units", detail=detail, quantity=Fraction(split.free), amount=_NOTHING))
        quantity = split.billable
    return replace(usage, quantity=quantity), tuple(steps)


def _ruled(charge: Charge, usage: Usage, currency: str, context: PricingContext) -> Rated:
    """The usage under the first rule that matches; usage of different hours may fall under different rules."""
    if not charge.reads_hours:
        found = _first(charge.rules, context, None)
        return _under(charge, found, usage, currency)
    parts: dict[PriceRule | None, Decimal] = defaultdict(lambda: _ZERO)
    facts: dict[PriceRule | None, tuple[str, ...]] = {}
    for hour, quantity in _by_hour(charge, usage).items():
        rule, met = _first(charge.rules, context, hour)
        parts[rule] += quantity
        facts[rule] = met
    order = [rule for rule in (*charge.rules, None) if rule in parts] or [None]
    rated = [
        _under(charge, (rule, facts.get(rule, ())), replace(usage, quantity=parts[rule]), currency) for rule in order
    ]
    trace = tuple(step for each in rated for step in each.trace)
    return Rated(currency=currency, trace=trace, unit_price=rated[0].unit_price if len(rated) == 1 else None)


def _first(
    rules: tuple[PriceRule, ...], context: PricingContext, hour: int | None
) -> tuple[PriceRule | None, tuple[str, ...]]:
    for rule in rules:
        facts = rule.matches(context, hour)
        if facts is not None:
            return rule, facts
    return None, ()


def _under(charge: Charge, found: tuple[PriceRule | None, tuple[str, ...]], usage: Usage, currency: str) -> Rated:
    rule, facts = found
    model: ChargeModel = charge.model if rule is None else charge.ruled_models.get(rule.name, charge.model)
    rated = model.rate_usage(usage, currency)
    if rule is None:
        return rated
    after = rated.then([rule.step(rated.exact, facts)])
    bound = bounds_step(after.exact, Fraction(usage.quantity), charge.floor, charge.ceiling)
    bounded = after if bound is None else after.then([bound])
    return replace(bounded, unit_price=None) if rule.factor is not None or bound is not None else bounded


def _by_hour(charge: Charge, usage: Usage) -> Mapping[int, Decimal]:
    if not usage.hours and usage.quantity:
        raise UsageError(f"{charge.key!r} is priced by the hour of its usage, which was not given", charge=charge.key)
    return usage.hours


def _limited(charge: Charge, rated: Rated) -> Rated:
    """The amount within the least and the most that the charge costs in a period."""
    if charge.minimum is not None and rated.exact < charge.minimum:
        detail = f"at least {price_text(charge.minimum, rated.currency)} a period"
        rated = rated.then([TraceStep(rule="minimum", detail=detail, amount=Fraction(charge.minimum) - rated.exact)])
    if charge.maximum is not None and rated.exact > charge.maximum:
        detail = f"at most {price_text(charge.maximum, rated.currency)} a period"
        rated = rated.then([TraceStep(rule="maximum", detail=detail, amount=Fraction(charge.maximum) - rated.exact)])
    return rated
