"""How members move between plans: month by month of each membership, pressed by what they use and moved by offers drawn at random.

An offer is treatment or control by a fair coin, logged with what came of it in thirty days. The chance of an upgrade in them is exactly
base + pressure without the offer, and that plus the member's uplift with it; members who leave in between are counted in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from training.simulate.population import ARCHETYPES, BASE_UPGRADE, SECOND_US
from training.simulate.spec import ADDON, DAY_US, INCLUDED_DELIVERIES, MONTH_US, PLANS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.behaviour import Moments
    from training.simulate.population import Population
    from training.simulate.spec import ShopSpec

_FIRST_PLANS: Final = (0.72, 0.22, 0.06)
_OFFERED: Final = 0.35  # of the members below the top plan, a month
_PRESSURE: Final = 0.05  # added to the chance of an upgrade by using all that is included; twice that at most
_DOWNGRADE: Final = 0.04  # a month, of members who use less than a fifth of what is included
_IDLE: Final = 0.2

EVENT_PLANS: Final = (*PLANS, ADDON)
EVENT_KINDS: Final = ("started", "changed", "cancelled")
_STARTED, _CHANGED, _CANCELLED = range(3)
_ADDON: Final = len(PLANS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvents:
    """One entry an event, in order of time: places in the population, in `EVENT_KINDS` and (the plan from then on) in `EVENT_PLANS`."""

    customer: NDArray[np.int64]
    kind: NDArray[np.int64]
    plan: NDArray[np.int64]
    at_us: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """One entry an offer, in order of time: to whom, when, whether it was shown (`treated`), and whether an upgrade came within 30 days."""

    customer: NDArray[np.int64]
    at_us: NDArray[np.int64]
    treated: NDArray[np.bool_]
    upgraded_within_30d: NDArray[np.bool_]


@dataclass(slots=True)
class _Log:
    """Columns that grow a month at a time: (customer, kind, plan, at) of events, (customer, at, treated, upgraded) of offers."""

    events: list[tuple[NDArray[np.int64], ...]]
    offers: list[tuple[NDArray[Any], ...]]

    def add(self, customer: NDArray[np.int64], kind: int, plan: NDArray[np.int64], at_us: NDArray[np.int64]) -> None:
        self.events.append((customer, np.full(len(customer), kind), plan, at_us))


def live(
    spec: ShopSpec, people: Population, deliveries: Moments, rng: np.random.Generator
) -> tuple[SubscriptionEvents, Offers]:
    """The subscription events and offers of a shop whose members received `deliveries`."""
    log = _Log([], [])
    rank: NDArray[np.int64] = rng.choice(len(PLANS), size=len(people), p=_FIRST_PLANS).astype(np.int64)
    log.add(np.arange(len(people)), _STARTED, rank, people.joined_us)
    months = int((spec.end_us - people.joined_us.min()) // MONTH_US) + 1
    used = _used_by_month(people, deliveries, months)
    for month in range(1, months):
        rank = _one_month(log, spec, people, rank, used[:, month - 1], month=month, rng=rng)
    gone = np.flatnonzero(people.leaves_us < spec.end_us)
    boxed = np.intersect1d(_take_addon(log, spec, people, rng), gone)
    log.add(boxed, _CANCELLED, np.full(len(boxed), _ADDON), people.leaves_us[boxed])
    log.add(gone, _CANCELLED, rank[gone], people.leaves_us[gone])
    return _events(log), _offers(log)


def _used_by_month(people: Population, deliveries: Moments, months: int) -> NDArray[np.int64]:
    """Deliveries of each member in each month of their membership: shape (members, months)."""
    month = (deliveries.at_us - people.joined_us[deliveries.customer]) // MONTH_US
    place = deliveries.customer * months + month
    counts: NDArray[np.int64] = np.bincount(place, minlength=len(people) * months)
    return counts.reshape(len(people), months)


def _one_month(
    log: _Log,
    spec: ShopSpec,
    people: Population,
    rank: NDArray[np.int64],
    used: NDArray[np.int64],
    *,
    month: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The ranks after a month of each membership; `used` is what was used in the month before it."""
    start_us = people.joined_us + month * MONTH_US
    until_us = people.until_us(spec.end_us)
    here = start_us < until_us
    may_rise = here & (rank < len(PLANS) - 1)
    pressed = used / np.array(INCLUDED_DELIVERIES)[rank]
    draws = rng.random((5, len(people)))

    offered = may_rise & (start_us + MONTH_US <= spec.end_us) & (draws[0] < _OFFERED)
    treated = offered & (draws[1] < 0.5)
    chance = BASE_UPGRADE + _PRESSURE * np.minimum(pressed, 2.0) + np.where(treated, people.uplift, 0.0)
    at_us = start_us + SECOND_US + (draws[2] * (MONTH_US - SECOND_US)).astype(np.int64) // SECOND_US * SECOND_US
    wants = may_rise & (draws[3] < chance / _share_that_stays(people.monthly_hazard))
    rises = wants & (at_us < until_us)
    falls = here & ~wants & (rank > 0) & (pressed < _IDLE) & (draws[4] < _DOWNGRADE) & (at_us < until_us)

    after: NDArray[np.int64] = rank + rises - falls
    moved = np.flatnonzero(rises | falls)
    log.add(moved, _CHANGED, after[moved], at_us[moved])
    shown = np.flatnonzero(offered)
    log.offers.append((shown, start_us[shown], treated[shown], rises[shown]))
    return after


def _share_that_stays(monthly_hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance to be still there at a uniform moment of the next month: the mean of exp(-hazard x t) over t in [0, 1)."""
    stays: NDArray[np.float64] = -np.expm1(-monthly_hazard) / monthly_hazard
    return stays


def _take_addon(log: _Log, spec: ShopSpec, people: Population, rng: np.random.Generator) -> NDArray[np.int64]:
    """Who takes the add-on, some days after joining, if they are still there."""
    likely = np.array([each.addon for each in ARCHETYPES])[people.archetype]
    at_us = people.joined_us + rng.integers(3 * DAY_US, 60 * DAY_US, len(people)) // SECOND_US * SECOND_US
    takers = np.flatnonzero((rng.random(len(people)) < likely) & (at_us < people.until_us(spec.end_us)))
    log.add(takers, _STARTED, np.full(len(takers), _ADDON), at_us[takers])
    return takers


def _events(log: _Log) -> SubscriptionEvents:
    customer, kind, plan, at_us = (np.concatenate(column) for column in zip(*log.events, strict=True))
    order = np.lexsort((np.arange(len(at_us)), customer, at_us))
    return SubscriptionEvents(customer=customer[order], kind=kind[order], plan=plan[order], at_us=at_us[order])


def _offers(log: _Log) -> Offers:
    if not log.offers:
        none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
        return Offers(customer=none, at_us=none, treated=no, upgraded_within_30d=no)
    customer, at_us, treated, upgraded = (np.concatenate(column) for column in zip(*log.offers, strict=True))
    order = np.lexsort((customer, at_us))
    return Offers(
        customer=customer[order],
        at_us=at_us[order],
        treated=treated[order],
        upgraded_within_30d=upgraded[order],
    )
