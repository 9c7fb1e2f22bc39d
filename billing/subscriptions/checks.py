"""Whether a change may be made, each refusal with its reason. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.terms import QuantityOf
from billing.kernel.errors import InvalidError
from billing.subscriptions.fees import recurs
from billing.subscriptions.subscription import ChangeRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.catalog.plan import PlanVersion
    from billing.subscriptions.subscription import Subscription


class SeatsError(InvalidError):
    """A number of seats that is not sold."""

    code = "invalid_seats"


def check_change(
    subscription: Subscription, version: PlanVersion, pinned: Mapping[str, PlanVersion], seats: int | None
) -> None:
    """Refuse what cannot be: an ended subscription, what is there already, another currency, a missing plan, seats that are not sold."""
    check_running(subscription)
    _check_new(subscription, version, seats)
    version.charges_in(subscription.currency)
    if version.kind is PlanKind.ADDON:
        check_addon(version, pinned[subscription.version_id])
    else:
        _check_addons_stay(version, [pinned[addon.version_id] for addon in subscription.addons])
    check_seats(version, seats_wanted(subscription, version, seats))


def check_running(subscription: Subscription) -> None:
    """Refuse to touch what has ended."""
    if not subscription.is_running:
        raise ChangeRefusedError("the subscription has ended; start a new one", subscription=subscription.id)


def check_addon(version: PlanVersion, plan: PlanVersion) -> None:
    """Refuse an add-on that does not stand on the plan, or renews by another interval."""
    if version.kind is not PlanKind.ADDON:
        raise ChangeRefusedError(f"{version.plan_key!r} is a plan; a subscription has one", plan=version.plan_key)
    if version.requires and plan.plan_key not in version.requires:
        raise ChangeRefusedError(
            f"{version.plan_key!r} needs one of {', '.join(version.requires)}", plan=version.plan_key
        )
    if recurs(version) and (version.interval, version.interval_count) != (plan.interval, plan.interval_count):
        raise ChangeRefusedError(
            f"{version.plan_key!r} renews by another interval than {plan.plan_key!r}", plan=version.plan_key
        )


def check_seats(version: PlanVersion, seats: int) -> None:
    """Refuse seats of what is sold as one, too few and too many."""
    terms = version.terms
    if terms.quantity is QuantityOf.ONE:
        if seats != 1:
            raise SeatsError(f"{version.plan_key!r} is not sold by the seat", plan=version.plan_key, seats=seats)
        return
    if seats < terms.min_seats or (terms.max_seats is not None and seats > terms.max_seats):
        most = "" if terms.max_seats is None else f" and at most {terms.max_seats}"
        raise SeatsError(
            f"{version.plan_key!r} is sold in at least {terms.min_seats}{most} seats",
            plan=version.plan_key,
            seats=seats,
        )


def seats_wanted(subscription: Subscription, version: PlanVersion, seats: int | None) -> int:
    """The seats asked for; unsaid, as many as the plan or add-on has now, or the fewest that the new one sells."""
    if seats is not None:
        return seats
    if version.terms.quantity is QuantityOf.ONE:
        return 1
    held = next((addon.seats for addon in subscription.addons if addon.plan_key == version.plan_key), None)
    if held is None:
        held = subscription.seats if version.kind is PlanKind.PLAN else version.terms.min_seats
    return max(held, version.terms.min_seats)


def _check_new(subscription: Subscription, version: PlanVersion, seats: int | None) -> None:
    if not recurs(version) or not subscription.owns(version.plan_key):
        return
    held = subscription.seats if version.plan_key == subscription.plan_key else None
    for addon in subscription.addons:
        held = addon.seats if addon.plan_key == version.plan_key else held
    if seats is None or seats == held:
        raise ChangeRefusedError(f"{version.plan_key!r} is on this subscription already", plan=version.plan_key)


def _check_addons_stay(plan: PlanVersion, addons: list[PlanVersion]) -> None:
    """A new plan has to carry the add-ons that stay."""
    for addon in addons:
        try:
            check_addon(addon, plan)
        except ChangeRefusedError as refused:
            raise ChangeRefusedError(
                f"{refused.detail}; remove that add-on first", plan=plan.plan_key, addon=addon.plan_key
            ) from None
