"""What could be offered to one subscriber: plans above theirs, add-ons, and what makes staying easier. Pure once the versions are read.

Only what a quote can hold the price of: the same currency and interval, nothing that starts the periods over, nothing that the present
add-ons stand against. What makes staying easier is what the policy names: coupons, a pause, a smaller plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from billing.catalog.plan import CurrencyNotOfferedError, PlanKind
from billing.catalog.setting import Setting
from billing.pricing.discount import discount
from billing.pricing.item import Item, net_of
from billing.pricing.ratecard import recurring_price
from billing.subscriptions.checks import SeatsError, check_change
from billing.subscriptions.fees import fees_of, items_of, phase_now, recurring_of, recurs
from billing.subscriptions.preview import Effect, effect_of
from billing.subscriptions.subscription import ChangeRefusedError
from billing.subscriptions.turn import in_trial
from models.offers.context import OfferKind, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.kernel.money import Money
    from billing.pricing.discount import Coupon
    from billing.subscriptions.subscription import Subscription

_DAYS: Final = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Saves:
    """What may be offered to who is leaving: coupons that they could redeem now, a pause of so many days (0: none), smaller plans."""

    coupons: Sequence[Coupon] = ()
    pause_days: int = 0
    smaller: bool = False


def target_of(version: PlanVersion, currency: str) -> Target:
    """A plan or add-on as it could be offered in a currency it is sold in."""
    return Target(
        kind=version.kind.value,
        key=version.plan_key,
        name=version.plan_name,
        rank=version.rank,
        gives={grant.feature: grant.value for grant in version.grants if not isinstance(grant.value, Setting)},
        recurring=recurring_price(version.charges_in(currency), currency),
        period_days=period_days(version),
    )


def period_days(version: PlanVersion) -> int:
    """How long a period is, near enough to compare what plans earn."""
    return _DAYS[version.interval] * version.interval_count


def targets_of(
    running: Subscription,
    versions: Mapping[str, PlanVersion],
    pinned: Mapping[str, PlanVersion],
    saves: Saves,
    *,
    now: datetime,
    more: Iterable[Target] = (),
) -> tuple[Target, ...]:
    """Everything that could be offered at `now`, cheapest first; `versions` are the newest by key, `more` what others put together."""
    current = pinned[running.version_id]
    sold = [
        target_of(version, running.currency)
        for version in versions.values()
        if (version.kind is PlanKind.ADDON or version.rank > current.rank) and _can_quote(running, version, pinned, now)
    ]
    found = [*sold, *_stays(running, versions, pinned, saves, now), *more]
    return tuple(sorted(found, key=lambda target: (target.recurring.amount_minor, target.key)))


def _can_quote(running: Subscription, version: PlanVersion, pinned: Mapping[str, PlanVersion], now: datetime) -> bool:
    """Whether the change may be made at a price that a quote can hold."""
    if running.owns(version.plan_key):
        return False
    try:
        check_change(running, version, pinned, None)
    except (ChangeRefusedError, CurrencyNotOfferedError, SeatsError):
        return False
    current = pinned[running.version_id]
    is_alike = (version.interval, version.interval_count) == (current.interval, current.interval_count)
    return is_alike and effect_of(running, version, current, now) is not Effect.RESTART


def _stays(
    running: Subscription,
    versions: Mapping[str, PlanVersion],
    pinned: Mapping[str, PlanVersion],
    saves: Saves,
    now: datetime,
) -> list[Target]:
    if running.paused_at is not None:
        return []
    current = pinned[running.version_id]
    paid = recurring_of(items_of(running, pinned).values(), running.currency, running.facts)
    found = [
        _stay(current, {"coupon": coupon.key}, coupon.worth.words, discounted(running, pinned, coupon))
        for coupon in saves.coupons
    ]
    if saves.pause_days and not in_trial(running, now):
        found.append(_stay(current, {"pause_days": saves.pause_days}, f"a pause of {saves.pause_days} days", paid))
    smaller = [
        version
        for version in versions.values()
        if saves.smaller and version.kind is PlanKind.PLAN and version.rank < current.rank
    ]
    for version in smaller:
        if _can_quote(running, version, pinned, now):
            target = target_of(version, running.currency)
            found.append(_stay(version, {"plan": version.plan_key}, target.name, target.recurring, target.gives))
    return found


def discounted(running: Subscription, pinned: Mapping[str, PlanVersion], coupon: Coupon) -> Money:
    """What the fees of a whole period come to with a coupon, as the invoice works it out."""
    items = [
        Item(line=line, plan=version.plan_key)
        for version, seats in items_of(running, pinned).values()
        if recurs(version)
        for line in fees_of(
            version, running.currency, None, seats, phase=_next_phase(running, version), facts=running.facts
        )
    ]
    return net_of(discount(items, [coupon], running.currency).items, running.currency)


def _next_phase(running: Subscription, version: PlanVersion) -> int | None:
    return phase_now(running) + 1 if version.id == running.version_id else None


def _stay(
    version: PlanVersion,
    saving: Mapping[str, str | int],
    name: str,
    recurring: Money,
    gives: Mapping[str, bool | int | None] | None = None,
) -> Target:
    """A target of kind `save`; its key says which: `save:coupon:<key>`, `save:pause_days:<n>` or `save:plan:<key>`."""
    what, which = next(iter(saving.items()))
    return Target(
        kind=OfferKind.SAVE.value,
        key=f"save:{what}:{which}",
        name=name,
        rank=version.rank,
        gives=gives or {},
        recurring=recurring,
        saving=saving,
        period_days=period_days(version),
    )
