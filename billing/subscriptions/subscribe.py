"""Starting a subscription: the newest version of a plan is pinned, the periods anchored, a trial granted, the rights given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.catalog.terms import MOST_DAYS
from billing.customers.store import CustomerStore
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence, Interval, zone_of
from billing.kernel.errors import ConflictError, InvalidError
from billing.kernel.ids import new_id
from billing.pricing.context import PricingContext
from billing.subscriptions.checks import check_addon, check_seats
from billing.subscriptions.commit import add_waiting
from billing.subscriptions.fees import fees_of, recurs
from billing.subscriptions.history import record
from billing.subscriptions.rights import bought_rights, grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import (
    AddonItem,
    AlreadySubscribedError,
    ChangeRefusedError,
    Status,
    Subscription,
)

if TYPE_CHECKING:
    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit

MOST_BACKDATED = timedelta(days=400)
MOST_ADDONS = 50


class TrialUsedError(ConflictError):
    """The customer has had a trial of this plan."""

    code = "trial_used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a subscription starts.

    `trial_days` overrides the plan's own number (0: none), `force_trial` grants a second one of a plan. `starts_at` may lie up to 400 days
    in the past, whose periods are billed at once.
    """

    seats: int | None = None
    currency: str | None = None
    trial_days: int | None = None
    force_trial: bool = False
    starts_at: datetime | None = None
    addons: tuple[str, ...] = ()


DEFAULT = Options()


def subscribe(
    unit: Unit, customer_key: str, plan_key: str, *, now: datetime, options: Options = DEFAULT
) -> Subscription:
    """A new subscription of a customer to a plan; its first fees fall due at once, or when its trial ends."""
    customer = CustomerStore(unit).lock(customer_key)
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if running is not None:
        raise AlreadySubscribedError(
            f"{customer.key!r} is subscribed to {running.plan_key!r} already; change that subscription",
            customer=customer.key,
            subscription=running.id,
        )
    version = CatalogStore(unit).latest(plan_key)
    if version.kind is not PlanKind.PLAN:
        raise ChangeRefusedError(f"{plan_key!r} is an add-on; subscribe to a plan first", plan=plan_key)
    starts_at = _start(options, now)
    addons = _addons(unit, version, options)
    days = _trial_days(unit, customer.id, version, options)
    facts = PricingContext(country=customer.country, region=customer.region, zone=customer.zone)
    subscription = replace(_new(customer.id, customer.zone, version, addons, starts_at, days, options), facts=facts)
    SubscriptionStore(unit).add(subscription)
    _give(unit, subscription, version, addons)
    record(unit, subscription, "started", at=starts_at)
    return subscription


def trial_end(start: datetime, days: int, zone: str) -> datetime:
    """When a trial of so many days is over: the same time on the customer's wall so many calendar days later.

    >>> from datetime import UTC
    >>> trial_end(datetime(2026, 3, 28, 12, tzinfo=UTC), 2, "Europe/Berlin").isoformat()
    '2026-03-30T11:00:00+00:00'
    """
    zone_of(zone)
    return Cadence(start, Interval.DAY, 1, zone).boundary(days)


def _start(options: Options, now: datetime) -> datetime:
    at = options.starts_at or now
    if at > now:
        raise InvalidError(
            "a subscription starts now or in the past; subscribe when the day comes", starts_at=at.isoformat()
        )
    if at < now - MOST_BACKDATED:
        raise InvalidError(f"a start lies at most {MOST_BACKDATED.days} days back", starts_at=at.isoformat())
    return at


def _addons(unit: Unit, plan: PlanVersion, options: Options) -> list[PlanVersion]:
    if len(options.addons) > MOST_ADDONS or len(set(options.addons)) != len(options.addons):
        raise InvalidError(f"name each add-on once, and at most {MOST_ADDONS}", field="addons")
    found = [CatalogStore(unit).latest(key) for key in options.addons]
    for addon in found:
        check_addon(addon, plan)
    return found


def _trial_days(unit: Unit, customer_id: str, version: PlanVersion, options: Options) -> int:
    """The days of trial to grant: once a customer and plan; the plan's own default is passed over in silence, a wish is refused."""
    days = version.terms.trial_days if options.trial_days is None else options.trial_days
    if not 0 <= days <= MOST_DAYS:
        raise InvalidError(f"a trial has 0 to {MOST_DAYS} days", trial_days=days)
    if not days or options.force_trial or not SubscriptionStore(unit).had_trial(customer_id, version.plan_key):
        return days
    if options.trial_days is None:
        return 0
    raise TrialUsedError(
        f"the customer has had a trial of {version.plan_key!r}; set force_trial to grant another", plan=version.plan_key
    )


def _new(  # noqa: PLR0917 (the parts of one value, all of different kinds)
    customer_id: str,
    zone: str,
    version: PlanVersion,
    addons: list[PlanVersion],
    starts_at: datetime,
    trial_days: int,
    options: Options,
) -> Subscription:
    seats = version.terms.min_seats if options.seats is None else options.seats
    currency = options.currency or version.currency
    check_seats(version, seats)
    for each in (version, *addons):
        each.charges_in(currency)
    anchor = trial_end(starts_at, trial_days, zone) if trial_days else starts_at
    return Subscription(
        id=new_id("sub"),
        customer_id=customer_id,
        plan_key=version.plan_key,
        version_id=version.id,
        currency=currency,
        cadence=Cadence(anchor, Interval(version.interval), version.interval_count, zone),
        status=Status.TRIALING if trial_days else Status.ACTIVE,
        started_at=starts_at,
        ends_at=None,
        billed_periods=0,
        revision=1,
        usage_from=anchor,
        seats=seats,
        trial_ends_at=anchor if trial_days else None,
        addons=tuple(
            AddonItem(plan_key=each.plan_key, version_id=each.id, started_at=starts_at, seats=each.terms.min_seats)
            for each in addons
            if recurs(each)
        ),
    )


def _give(unit: Unit, subscription: Subscription, version: PlanVersion, addons: list[PlanVersion]) -> None:
    at, grants = subscription.started_at, GrantStore(unit)
    grants.add(grants_of(version, subscription, at))
    for addon in addons:
        if recurs(addon):
            grants.add(grants_of(addon, subscription, at))
            continue
        grants.add(bought_rights(addon, subscription, at))
        lines = fees_of(addon, subscription.currency, None, addon.terms.min_seats, facts=subscription.facts)
        add_waiting(unit, subscription, [(addon.id, line.to_document()) for line in lines], at=at)
