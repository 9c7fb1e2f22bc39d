"""What the fees of a pinned version are, in a subscription's currency and number of seats. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.terms import Billing
from billing.kernel.cadence import Interval
from billing.kernel.money import Money, round_minor
from billing.pricing.context import NO_CONTEXT, PricingContext
from billing.pricing.quote import total
from billing.pricing.ratecard import PhaseDiscount, read_card
from billing.pricing.recurring import RecurringPrice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from billing.catalog.plan import PlanVersion
    from billing.kernel.period import Period
    from billing.pricing.quote import PricedLine
    from billing.pricing.ratecard import RateCard
    from billing.subscriptions.subscription import Subscription


def fees_of(
    version: PlanVersion,
    currency: str,
    period: Period | None,
    seats: int,
    *,
    phase: int | None = None,
    facts: PricingContext = NO_CONTEXT,
    card: RateCard | None = None,
) -> tuple[PricedLine, ...]:
    """The lines of a whole period's fees; a CurrencyNotOfferedError where the version has no such price list.

    `phase` is the number of the period since the plan's first phase began, None for its price without phases; `card` spares the reading
    of the version's own charges to who has them at hand.
    """
    found = None if phase is None else version.terms.phase(phase)
    if found is not None and found.charges is not None:
        return read_card(found.charges, currency).fees(period, seats=seats, context=facts)
    off = None if found is None or found.percent_off is None else PhaseDiscount(found.name, found.percent_off)
    prices = card or read_card(version.charges_in(currency), currency)
    return prices.fees(period, seats=seats, context=facts, off=off)


def phase_now(subscription: Subscription) -> int:
    """The number of the period that was last billed, since the plan's first phase began."""
    return subscription.billed_periods - 1 - subscription.phase_from


def recurring_of(items: Iterable[tuple[PlanVersion, int]], currency: str, facts: PricingContext = NO_CONTEXT) -> Money:
    """What a whole period of these (version, seats) costs before any usage; what is bought once does not recur."""
    parts = (_period_price(version, currency, seats, facts) for version, seats in items)
    return sum(parts, Money.zero(currency))


def monthly_exact(
    version: PlanVersion,
    currency: str,
    seats: int,
    facts: PricingContext = NO_CONTEXT,
    *,
    phase: int | None = None,
) -> Fraction:
    """A version's fees a month in minor units, unrounded, so that prices of different intervals compare."""
    price = _period_price(version, currency, seats, facts, phase)
    return RecurringPrice(price, Interval(version.interval), version.interval_count).minor_per_month


def monthly_minor(subscription: Subscription, versions: Mapping[str, PlanVersion]) -> int:
    """A running subscription's monthly recurring revenue: each version's share is rounded once.

    The plan counts at the price of the phase it is in; coupons and taxes, which belong to invoices, are not taken off.
    """
    phase = phase_now(subscription)
    return sum(
        round_minor(
            monthly_exact(
                versions[version_id],
                subscription.currency,
                seats,
                subscription.facts,
                phase=phase if place == 0 else None,
            )
        )
        for place, (version_id, seats) in enumerate(subscription.items)
    )


def _period_price(
    version: PlanVersion, currency: str, seats: int, facts: PricingContext, phase: int | None = None
) -> Money:
    if not recurs(version):
        return Money.zero(currency)
    return total(fees_of(version, currency, None, seats, phase=phase, facts=facts), currency)


def items_of(subscription: Subscription, versions: Mapping[str, PlanVersion]) -> dict[str, tuple[PlanVersion, int]]:
    """(version, seats) of the plan and its add-ons, by plan key."""
    found = (versions[version_id] for version_id in subscription.version_ids)
    return {version.plan_key: (version, seats) for version, (_, seats) in zip(found, subscription.items, strict=True)}


def recurs(version: PlanVersion) -> bool:
    """Whether it is billed each period, rather than once."""
    return version.terms.billing is Billing.RECURRING
