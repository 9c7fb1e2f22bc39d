"""Who the members truly are: an archetype each, and from it, with a personal touch, how they buy, when they leave, what an offer does.

This is the truth that learners are asked to recover. Chances are probabilities, rates are per day, a month is thirty days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from training.simulate.spec import DAY_US, MONTH_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.spec import ShopSpec

SECOND_US: Final = 1_000_000
LOWEST_UPLIFT: Final = -0.03  # no lower than the lowest base chance, so that a chance never falls below 0
HIGHEST_UPLIFT: Final = 0.30
BASE_UPGRADE: Final = 0.03  # a month, of a member whom nothing presses
_NEVER_US: Final = 200 * 365 * DAY_US  # how long a member stays at the very most, so that a date can be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Archetype:
    """A kind of member. `monthly_hazard` is the rate of leaving, `uplift` what an offer adds to the chance of an upgrade in 30 days.

    `taste` is the pull of each category (Dirichlet weights, in the order of `CATEGORIES`).
    """

    key: str
    share: float
    monthly_hazard: float
    orders_per_day: float
    visits_per_day: float
    price_sensitivity: float
    uplift: float
    addon: float
    taste: tuple[float, ...]


ARCHETYPES: Final = (
    Archetype(
        key="regular",
        share=0.30,
        monthly_hazard=0.02,
        orders_per_day=0.18,
        visits_per_day=0.50,
        price_sensitivity=0.2,
        uplift=0.10,
        addon=0.10,
        taste=(8, 1, 1.5, 1),
    ),
    Archetype(
        key="explorer",
        share=0.25,
        monthly_hazard=0.05,
        orders_per_day=0.11,
        visits_per_day=0.70,
        price_sensitivity=0.5,
        uplift=0.18,
        addon=0.35,
        taste=(2.5, 2.5, 3, 2),
    ),
    Archetype(
        key="bargain_hunter",
        share=0.25,
        monthly_hazard=0.08,
        orders_per_day=0.08,
        visits_per_day=0.40,
        price_sensitivity=1.5,
        uplift=0.04,
        addon=0.05,
        taste=(2, 2, 0.5, 5),
    ),
    Archetype(
        key="sampler",
        share=0.20,
        monthly_hazard=0.16,
        orders_per_day=0.04,
        visits_per_day=0.25,
        price_sensitivity=0.9,
        uplift=-0.02,
        addon=0.02,
        taste=(1, 8, 1, 1),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """One entry a member. `archetype` is a place in `ARCHETYPES`; `leaves_us` may lie after the end of what is simulated.

    `taste` has one row a member and one column a category, rows adding up to 1.
    """

    archetype: NDArray[np.int64]
    monthly_hazard: NDArray[np.float64]
    orders_per_day: NDArray[np.float64]
    visits_per_day: NDArray[np.float64]
    price_sensitivity: NDArray[np.float64]
    uplift: NDArray[np.float64]
    taste: NDArray[np.float64]
    joined_us: NDArray[np.int64]
    leaves_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.archetype)

    def until_us(self, end_us: int) -> NDArray[np.int64]:
        """The moment up to which each member is seen: when they leave, or the end."""
        return np.minimum(self.leaves_us, end_us)


def populate(spec: ShopSpec, rng: np.random.Generator) -> Population:
    """The members of a shop. Half join in its first days, half over its first three quarters; leaving is a constant hazard of their own."""
    count = spec.customers
    archetype = rng.choice(len(ARCHETYPES), size=count, p=[each.share for each in ARCHETYPES])

    def of_kind(name: str) -> NDArray[np.float64]:
        return np.array([getattr(each, name) for each in ARCHETYPES], dtype=np.float64)[archetype]

    def touched(name: str, shape: float) -> NDArray[np.float64]:
        """The archetype's value times a personal factor around 1."""
        return of_kind(name) * rng.gamma(shape, 1 / shape, count)

    hazard = touched("monthly_hazard", 20.0)
    early = rng.random(count) < 0.5
    joined_days = rng.random(count) * spec.days * np.where(early, 0.03, 0.75)
    joined_us = spec.start_us + _seconds(joined_days * DAY_US)
    stays_us = _seconds(np.minimum(rng.exponential(1 / hazard) * MONTH_US, _NEVER_US))
    return Population(
        archetype=archetype,
        monthly_hazard=hazard,
        orders_per_day=touched("orders_per_day", 8.0),
        visits_per_day=touched("visits_per_day", 8.0),
        price_sensitivity=np.maximum(0.0, of_kind("price_sensitivity") + rng.normal(0, 0.1, count)),
        uplift=np.clip(of_kind("uplift") + rng.normal(0, 0.02, count), LOWEST_UPLIFT, HIGHEST_UPLIFT),
        taste=_tastes(archetype, rng),
        joined_us=joined_us,
        leaves_us=joined_us + np.maximum(stays_us, SECOND_US),
    )


def _tastes(archetype: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Dirichlet draws: gamma variates over their sum."""
    weights = np.array([each.taste for each in ARCHETYPES], dtype=np.float64)[archetype]
    drawn = rng.gamma(weights) + 1e-9
    tastes: NDArray[np.float64] = drawn / drawn.sum(axis=1, keepdims=True)
    return tastes


def _seconds(microseconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole seconds, in microseconds."""
    return microseconds.astype(np.int64) // SECOND_US * SECOND_US
