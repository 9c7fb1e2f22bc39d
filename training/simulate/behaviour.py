"""When members order and visit: a Poisson process each, at their own rate, thinned by hour, weekday and season, fading before they leave.

All moments are whole seconds in microseconds since 1970, within the member's stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from training.simulate.population import SECOND_US
from training.simulate.spec import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.population import Population
    from training.simulate.spec import ShopSpec

_HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 11, 12, 13, 11, 9, 9, 10, 12, 15, 18, 18, 14, 8, 3)
_WEEKDAYS: Final = (10, 9, 9, 9, 11, 13, 14)  # from Monday
_SEASON: Final = 0.25  # how far the year swings, highest in early December
_SEASON_PEAK_DAY: Final = 340
_YEAR_DAYS: Final = 365.25
_EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday


@dataclass(frozen=True, slots=True)
class Moments:
    """Something that members did: who (a place in the population) and when, in order of time."""

    customer: NDArray[np.int64]
    at_us: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fade:
    """How a rate falls before a member leaves: from the whole at `days` before, in a straight line, to `lowest` of it."""

    days: float
    lowest: float


ORDERS_FADE: Final = Fade(days=30, lowest=0.4)
VISITS_FADE: Final = Fade(days=42, lowest=0.1)


def draw_orders(spec: ShopSpec, people: Population, rng: np.random.Generator) -> Moments:
    """The orders of a shop."""
    return _draw(spec, people, people.orders_per_day, ORDERS_FADE, rng)


def draw_visits(spec: ShopSpec, people: Population, rng: np.random.Generator) -> Moments:
    """The visits of members to the shop's pages: the first sign of who will leave."""
    return _draw(spec, people, people.visits_per_day, VISITS_FADE, rng)


def draw_deliveries(spec: ShopSpec, people: Population, orders: Moments, rng: np.random.Generator) -> Moments:
    """One delivery an order, one to three days later, if the member is still there."""
    later_us = rng.integers(DAY_US, 3 * DAY_US, len(orders.at_us)) // SECOND_US * SECOND_US
    at_us = orders.at_us + later_us
    there = at_us < people.until_us(spec.end_us)[orders.customer]
    return in_time(orders.customer[there], at_us[there])


def in_time(customer: NDArray[np.int64], at_us: NDArray[np.int64]) -> Moments:
    """Moments in order of time, then of customer."""
    order = np.lexsort((customer, at_us))
    return Moments(customer[order], at_us[order])


def _draw(
    spec: ShopSpec, people: Population, per_day: NDArray[np.float64], fade: Fade, rng: np.random.Generator
) -> Moments:
    """Thinning (Lewis and Shedler 1979): candidates at the highest rate, each kept with its share of it."""
    stay_us = people.until_us(spec.end_us) - people.joined_us
    highest = max(_share(_HOURS)) * max(_share(_WEEKDAYS)) * (1 + _SEASON)
    counts = rng.poisson(per_day * highest * np.maximum(stay_us, 0) / DAY_US)
    customer = np.repeat(np.arange(len(people)), counts)
    place_us = (rng.random(len(customer)) * stay_us[customer]).astype(np.int64) // SECOND_US * SECOND_US
    at_us = people.joined_us[customer] + place_us
    factor = _rhythm(at_us) * _fading(people.leaves_us[customer] - at_us, fade)
    kept = rng.random(len(customer)) * highest < factor
    return in_time(customer[kept], at_us[kept])


def _share(weights: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights as factors around 1."""
    return np.array(weights, dtype=np.float64) / np.mean(weights)


def _rhythm(at_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """How busy the shop is at a moment; 1 on average."""
    day = at_us // DAY_US
    hour = at_us % DAY_US * 24 // DAY_US
    season = 1 + _SEASON * np.cos(2 * np.pi * (day - _SEASON_PEAK_DAY) / _YEAR_DAYS)
    rhythm: NDArray[np.float64] = _share(_HOURS)[hour] * _share(_WEEKDAYS)[(day + _EPOCH_WEEKDAY) % 7] * season
    return rhythm


def _fading(left_us: NDArray[np.int64], fade: Fade) -> NDArray[np.float64]:
    """The share of their rate that members keep who leave in `left_us`."""
    faded: NDArray[np.float64] = fade.lowest + (1 - fade.lowest) * np.clip(left_us / (fade.days * DAY_US), 0, 1)
    return faded
