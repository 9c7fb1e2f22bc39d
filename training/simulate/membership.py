"""How members move between plans: month by month of each membership, pressed by what they use and moved by offers drawn at random.

An offer is treatment or control by a fair coin, logged with what came of it in thirty days. The chance of an upgrade in those thirty days is
exactly base + pressure without the offer, and that plus the member's uplift with it; members who leave in between are already counted in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
    """One entry an event, in order of time: places in the population, in `EVENT_KINDS` and (the plan held from then on) in `EVENT_PLANS`."""

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
    """Columns that grow a month at a time."""

    events: list[tuple[NDArray[np.int64], int, NDArray[np.int64], NDArray[np.int64]]]
    offers: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]]

    def add(self, customer: NDArray[np.int64], kind: int, plan: NDArray[np.int64], at_us: NDArray[np.int64]) -> None:
        self.events.append((customer, kind, plan, at_us))


def live(
    spec: ShopSpec, people: Population, deliveries: Moments, rng: np.random.Generator
) -> tuple[SubscriptionEvents, Offers]:
    """The subscription events and offers of a shop whose members received `deliveries`."""
    log = _Log([], [])
    everyone = np.arange(len(people))
    until_us = people.until_us(spec.end_us)
    rank: NDArray[np.int64] = rng.choice(len(PLANS), size=len(people), p=_FIRST_PLANS)
    log.add(everyone, _STARTED, rank.copy(), people.joined_us)
    months = int((spec.end_us - people.joined_us.min()) // MONTH_US) + 1
    used = _used_by_month(people, deliveries, months)
    for month in range(1, months):
        idle, rank = _one_month(log, spec, people, rank, month, used[:, month - 1], rng)
        del idle
    boxed = _take_addon(log, people, until_us, rng)
    gone = np.flatnonzero(people.leaves_us < spec.end_us)
    boxed = np.intersect1d(boxed, gone)
    log.add(boxed, _CANCELLED, np.full(len(boxed), _ADDON), people.leaves_us[boxed])
    log.add(gone, _CANCELLED, rank[gone], people.leaves_us[gone])
    return _events(log), _offers(log)
