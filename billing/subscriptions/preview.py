"""What a change would cost, to the cent: the same lines that committing it would bill. Pure once its versions are loaded.

A change within a period credits the unused part of each fee already asked for and charges the rest of each new one, by the policy of the
plan (two plans share by the second unless both name the same other policy). One that starts the periods over credits the
unused part of everything and charges whole new periods. Metered charges are rated once over the whole period, by the version in force at
its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.catalog.terms import Proration as Policy
from billing.kernel.cadence import Cadence, Interval
from billing.pricing.proration import Proration
from billing.pricing.quote import total
from billing.pricing.switch import switch_lines
from billing.subscriptions.checks import check_change, seats_wanted
from billing.subscriptions.fees import fees_of, items_of, phase_now, recurring_of, recurs
from billing.subscriptions.subscription import ChangeRefusedError
from billing.subscriptions.turn import in_trial, starts_over

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.kernel.money import Money
    from billing.kernel.period import Period
    from billing.pricing.quote import PricedLine
    from billing.subscriptions.subscription import Subscription


class Effect(Enum):
    """How a change is taken: inside a period that goes on, with periods that start over, for nothing (no period runs), or as a purchase."""

    WITHIN = "within"
    RESTART = "restart"
    FREE = "free"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """The version moved to, the lines the move adds to the next invoice, and what a whole period costs from then on.

    `waiting` are those lines that wait for an invoice; fees of a period that starts over are billed by the invoice itself.
    """

    version: PlanVersion
    lines: tuple[PricedLine, ...]
    total: Money
    recurring: Money
    seats: int
    effect: Effect
    waiting: tuple[PricedLine, ...]


def preview_change(
    unit: Unit, subscription: Subscription, target: str | None, *, at: datetime, seats: int | None = None
) -> ChangePreview:
    """What moving to a plan, taking an add-on or another number of seats would add to the next invoice if done at `at`."""
    pinned = CatalogStore(unit).by_ids(subscription.version_ids)
    version = target_version(unit, subscription, pinned, target)
    return price_change(subscription, version, pinned, at=at, seats=seats)


def target_version(
    unit: Unit, subscription: Subscription, pinned: Mapping[str, PlanVersion], target: str | None
) -> PlanVersion:
    """The pinned version of what is on the subscription already, the newest of anything else; without a target, the plan's."""
    for version in pinned.values():
        if version.plan_key == (target or subscription.plan_key):
            return version
    return CatalogStore(unit).latest(target or subscription.plan_key)


def price_change(
    subscription: Subscription,
    version: PlanVersion,
    pinned: Mapping[str, PlanVersion],
    *,
    at: datetime,
    seats: int | None = None,
) -> ChangePreview:
    """The same from values alone: `pinned` has the plan's and the add-ons' versions by id."""
    check_change(subscription, version, pinned, seats)
    return price_pinned(subscription, version, pinned, at=at, seats=seats_wanted(subscription, version, seats))


def price_pinned(
    subscription: Subscription,
    version: PlanVersion,
    pinned: Mapping[str, PlanVersion],
    *,
    at: datetime,
    seats: int,
) -> ChangePreview:
    """The same without asking whether the customer may: another version of what is there is priced like another plan."""
    wanted = seats
    effect = effect_of(subscription, version, pinned[subscription.version_id], at)
    waiting, begun = _lines(subscription, version, pinned, at, wanted, effect)
    items = items_of(subscription, pinned)
    if version.kind is PlanKind.PLAN:
        items.pop(subscription.plan_key)
    lines = (*waiting, *begun)
    wanted_items = {**items, version.plan_key: (version, wanted)}.values()
    recurring = recurring_of(wanted_items, subscription.currency, subscription.facts)
    return ChangePreview(
        version, lines, total(lines, subscription.currency), recurring, seats=wanted, effect=effect, waiting=waiting
    )


def effect_of(subscription: Subscription, version: PlanVersion, current: PlanVersion, at: datetime) -> Effect:
    """How a change to a version is taken at an instant."""
    if not recurs(version):
        return Effect.ONCE
    if subscription.paused_at is not None or in_trial(subscription, at):
        return Effect.FREE
    if version.kind is PlanKind.PLAN and starts_over(version, current):
        return Effect.RESTART
    return Effect.WITHIN


def credit_lines(
    subscription: Subscription, pinned: Mapping[str, PlanVersion], at: datetime, *, only: str | None = None
) -> tuple[PricedLine, ...]:
    """Credits of the unused time of what is paid for the period at `at`: of everything, or of one plan or add-on."""
    if in_trial(subscription, at) or subscription.paused_at is not None:
        return ()
    whole = subscription.cadence.period_at(at)
    return tuple(
        line
        for key, (version, seats) in items_of(subscription, pinned).items()
        if only in {None, key} and recurs(version)
        for line in switch_lines(
            _fees(subscription, version, whole, seats, phase_of(subscription, version)),
            (),
            whole,
            at,
            zone=subscription.cadence.zone,
            policy=_NAMED[version.terms.proration],
        )
    )


def check_billed(subscription: Subscription, at: datetime) -> None:
    """Refuse to share out a period whose fees have not been asked for."""
    if subscription.paused_at is not None or in_trial(subscription, at):
        return
    if subscription.cadence.number_at(at) != subscription.billed_periods - 1:
        raise ChangeRefusedError(
            "the present period is not billed yet; run billing, then ask again", subscription=subscription.id
        )


def _lines(  # noqa: PLR0917 (the values of one decision, all of different kinds)
    subscription: Subscription,
    version: PlanVersion,
    pinned: Mapping[str, PlanVersion],
    at: datetime,
    seats: int,
    effect: Effect,
) -> tuple[tuple[PricedLine, ...], tuple[PricedLine, ...]]:
    """(lines that wait for the invoice, fees that it asks for itself)."""
    if effect is Effect.FREE:
        return (), ()
    if effect is Effect.ONCE:
        return _fees(subscription, version, None, seats, None), ()
    if effect is Effect.RESTART:
        return credit_lines(subscription, pinned, at), _begun(subscription, version, pinned, at, seats)
    whole = subscription.cadence.period_at(at)
    old = items_of(subscription, pinned).get(
        subscription.plan_key if version.kind is PlanKind.PLAN else version.plan_key
    )
    paid = _fees(subscription, old[0], whole, old[1], phase_of(subscription, old[0])) if old else ()
    same = old is not None and old[0].id == version.id
    new = _fees(subscription, version, whole, seats, phase_of(subscription, version) if same else _first_phase(version))
    zone = subscription.cadence.zone
    taken, given = _policies(old[0] if old else version, version)
    return (
        *switch_lines(paid, (), whole, at, zone=zone, policy=taken),
        *switch_lines((), new, whole, at, zone=zone, policy=given),
    ), ()


def _begun(
    subscription: Subscription, version: PlanVersion, pinned: Mapping[str, PlanVersion], at: datetime, seats: int
) -> tuple[PricedLine, ...]:
    cadence = Cadence(at, Interval(version.interval), version.interval_count, subscription.cadence.zone)
    addons = [(pinned[addon.version_id], addon.seats) for addon in subscription.addons]
    return tuple(
        line
        for each, many in [(version, seats), *addons]
        for line in _fees(subscription, each, cadence.period(0), many, _first_phase(each))
    )


def phase_of(subscription: Subscription, version: PlanVersion) -> int | None:
    """The number of the present period since the pinned plan's first phase began; None for an add-on, which has no phases."""
    return phase_now(subscription) if version.id == subscription.version_id else None


def _first_phase(version: PlanVersion) -> int | None:
    return 0 if version.kind is PlanKind.PLAN else None


def _fees(
    subscription: Subscription, version: PlanVersion, period: Period | None, seats: int, phase: int | None
) -> tuple[PricedLine, ...]:
    return fees_of(version, subscription.currency, period, seats, phase=phase, facts=subscription.facts)


_NAMED = {
    Policy.BY_SECOND: Proration.BY_SECOND,
    Policy.BY_DAY: Proration.BY_DAY,
    Policy.NONE: Proration.NONE,
    Policy.FULL_RESET: Proration.BY_SECOND,
}


def _policies(old: PlanVersion, new: PlanVersion) -> tuple[Proration, Proration]:
    """How the old fee is credited and the new one charged: by the policy that both name, else by the second.

    What a plan without proration gave away is never credited by another's policy, and nobody moves to it for nothing from a plan with one.
    """
    if old.terms.proration is new.terms.proration:
        return _NAMED[old.terms.proration], _NAMED[new.terms.proration]
    credit = Proration.NONE if old.terms.proration is Policy.NONE else Proration.BY_SECOND
    return credit, Proration.BY_SECOND
