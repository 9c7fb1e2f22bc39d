"""What a change would cost, to the cent: the same lines that committing it would bill. Pure once its versions are loaded.

A change within a period credits the unused part of each fee already asked for and charges the rest of each new one, by the second.
Metered charges are rated once over the whole period, by the version in force when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.pricing.quote import total
from billing.pricing.ratecard import read_card
from billing.pricing.switch import switch_lines
from billing.subscriptions.subscription import ChangeRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.kernel.money import Money
    from billing.pricing.quote import PricedLine
    from billing.subscriptions.subscription import Subscription


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """The version moved to, the lines the move adds to the next invoice, and what a whole period costs from then on."""

    version: PlanVersion
    lines: tuple[PricedLine, ...]
    total: Money
    recurring: Money


def preview_change(unit: Unit, subscription: Subscription, target: str, *, at: datetime) -> ChangePreview:
    """What moving to a plan, or taking an add-on, would add to the next invoice if done at `at`."""
    catalog = CatalogStore(unit)
    version = catalog.latest(target)
    pinned = catalog.by_ids(subscription.version_ids)
    return price_change(subscription, version, pinned[subscription.version_id], tuple(pinned.values()), at=at)


def price_change(
    subscription: Subscription,
    version: PlanVersion,
    current: PlanVersion,
    pinned: tuple[PlanVersion, ...],
    *,
    at: datetime,
) -> ChangePreview:
    """The same from values alone: `current` is the pinned plan, `pinned` it and the add-ons."""
    _check(subscription, version, current)
    whole = subscription.cadence.period_at(at)
    if subscription.cadence.number_at(at) != subscription.billed_periods - 1:
        raise ChangeRefusedError(
            "the present period is not billed yet; run billing, then ask again", subscription=subscription.id
        )
    is_plan = version.kind is PlanKind.PLAN
    old = read_card(current.charges, current.currency).fees(whole) if is_plan else ()
    new = read_card(version.charges, version.currency).fees(whole)
    lines = switch_lines(old, new, whole, at, zone=subscription.cadence.zone)
    kept = [other for other in pinned if not (is_plan and other.id == current.id)]
    after = sum((_recurring(other) for other in kept), _recurring(version))
    return ChangePreview(version, lines, total(lines, subscription.currency), after)


def _check(subscription: Subscription, version: PlanVersion, current: PlanVersion) -> None:
    if not subscription.is_running:
        raise ChangeRefusedError("the subscription has ended; start a new one", subscription=subscription.id)
    if subscription.owns(version.plan_key):
        raise ChangeRefusedError(f"{version.plan_key!r} is on this subscription already", plan=version.plan_key)
    if version.currency != subscription.currency:
        raise ChangeRefusedError(
            f"{version.plan_key!r} is priced in {version.currency}, the subscription in {subscription.currency}",
            plan=version.plan_key,
        )
    if (version.interval, version.interval_count) != (current.interval, current.interval_count):
        raise ChangeRefusedError(
            f"{version.plan_key!r} renews by another interval; start it when this period ends", plan=version.plan_key
        )
    if version.requires and subscription.plan_key not in version.requires:
        raise ChangeRefusedError(
            f"{version.plan_key!r} needs one of {', '.join(version.requires)}", plan=version.plan_key
        )


def _recurring(version: PlanVersion) -> Money:
    return read_card(version.charges, version.currency).recurring
