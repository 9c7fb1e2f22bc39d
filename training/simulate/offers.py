"""A subscription shop in which offers are made, with its truth: who would buy what, who would have anyway, and whom offers drive away.

Time goes by in weeks; a period of the subscription is four of them. Amounts are whole minor units of one currency. Every chance event has a
number drawn for it beforehand (`Luck`), by customer and week, so that the same customers can live through two ways of selling, and through
none at all, and differ only where selling made them differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

START: Final = datetime(2026, 1, 5, 14, tzinfo=UTC)
PERIOD_WEEKS: Final = 4
PLANS: Final = ("starter", "plus", "pro")
PLAN_MINOR: Final = (900, 1900, 4900)
LIMITS: Final = (12, 40, None)  # deliveries a period
BOOST: Final = "boost"
BOX: Final = "tasting_box"
ADDONS: Final = (BOOST, BOX)
ADDON_MINOR: Final = {BOOST: 400, BOX: 750}
BOOST_UNITS: Final = 12
DELIVERIES: Final = "deliveries"
EARLY: Final = "early_access"
TASTINGS: Final = "tastings"
TYPES: Final = ("persuadable", "sure", "lost", "annoyed")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWorld:
    """One kind of shop. Shares are of customers; `types` gives those of `TYPES`; margins are shares of what is paid."""

    name: str = "usual"
    customers: int = 2000
    weeks: int = 26
    holdout: float = 0.2
    types: tuple[float, float, float, float] = (0.35, 0.15, 0.38, 0.12)
    fills_up: float = 0.35
    wants_early: float = 0.15
    wants_box: float = 0.2
    weekly_churn: float = 0.008
    annoyance: float = 0.035
    plan_margin: float = 0.7
    addon_margin: float = 0.45
    shopping: float = 0.08

    def minor_of(self, target: str) -> int:
        """What a target costs a period."""
        return ADDON_MINOR[target] if target in ADDON_MINOR else PLAN_MINOR[PLANS.index(target)]

    def margin_of(self, target: str) -> float:
        """The share of a target's price that is left to the shop."""
        return self.addon_margin if target in ADDON_MINOR else self.plan_margin


WORLDS: Final = (
    OfferWorld(),
    OfferWorld(name="few reach limits", fills_up=0.12),
    OfferWorld(name="many reach limits", fills_up=0.6),
    OfferWorld(name="many are annoyed", types=(0.3, 0.12, 0.28, 0.30), annoyance=0.05),
    OfferWorld(name="thin margins", plan_margin=0.35, addon_margin=0.12),
    OfferWorld(name="large orders", shopping=0.25),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One entry a customer: what they truly are. Columns the shop may see are `plan`, `joined_weeks` and what they do.

    `eager` is the chance to take a fitting offer, `alone` the weekly chance to buy unasked once at the limit, `care` how much dearer offers
    put off, `hurt` what each prompt adds to the weekly chance to leave, and `growth` the deliveries wanted a week.
    """

    kind: Ints
    plan: Ints
    joined_weeks: Ints
    phase: Ints
    growth: Floats
    visits: Floats
    eager: Floats
    alone: Floats
    care: Floats
    hurt: Floats
    leaves: Floats
    troubled: Floats
    wants_early: Flags
    wants_box: Flags

    def __len__(self) -> int:
        return int(self.kind.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """Uniform numbers in [0, 1) by week and customer, one table for each thing that may happen, and two that are drawn whole."""

    leave: Floats
    visit: Floats
    alone: Floats
    take: Floats
    regret: Floats
    refund: Floats
    ticket: Floats
    failed: Floats
    look: Floats
    deliveries: Ints
    denials: Ints
    shopping_minor: Ints


def draw_people(world: OfferWorld, rng: np.random.Generator) -> People:
    """The customers of a world. Who is annoyed visits seldom and has trouble often, so that it can be learned, never known."""
    count = world.customers
    kind = rng.choice(len(TYPES), size=count, p=world.types)
    plan = rng.choice(3, size=count, p=(0.68, 0.26, 0.06))
    annoyed, sure, lost = kind == 3, kind == 1, kind == 2
    limit = np.array([12.0, 40.0, 80.0])[plan]
    fills = rng.random(count) < world.fills_up
    share = np.where(fills, rng.uniform(0.9, 1.6, count), rng.beta(2, 4, count))
    visits = np.clip(rng.beta(4, 3, count) - 0.25 * annoyed + 0.1 * sure, 0.05, 0.95)
    return People(
        kind=kind,
        plan=plan,
        joined_weeks=rng.integers(4, 104, count),
        phase=rng.integers(0, PERIOD_WEEKS, count),
        growth=limit * share / PERIOD_WEEKS,
        visits=visits,
        eager=np.clip(np.array([0.22, 0.25, 0.015, 0.02])[kind] * rng.gamma(6, 1 / 6, count), 0, 0.8),
        alone=np.array([0.01, 0.2, 0.001, 0.002])[kind] * rng.gamma(6, 1 / 6, count),
        care=rng.gamma(3, 1 / 6, count) + 0.3 * lost,
        hurt=np.where(annoyed, world.annoyance, world.annoyance / 20) * rng.gamma(6, 1 / 6, count),
        leaves=world.weekly_churn * rng.gamma(2, 0.5, count),
        troubled=np.clip(rng.beta(1.2, 30, count) + 0.10 * annoyed * rng.random(count), 0, 0.5),
        wants_early=(plan == 0) & (rng.random(count) < world.wants_early),
        wants_box=rng.random(count) < world.wants_box,
    )


def draw_luck(world: OfferWorld, people: People, rng: np.random.Generator) -> Luck:
    """What happens to whom in which week, whatever is sold to them."""
    shape = (world.weeks, len(people))

    def uniform() -> Floats:
        return rng.random(shape)

    spent = np.where(rng.random(shape) < world.shopping, rng.lognormal(6.6, 1.0, shape), 0.0)
    return Luck(
        leave=uniform(),
        visit=uniform(),
        alone=uniform(),
        take=uniform(),
        regret=uniform(),
        refund=uniform(),
        ticket=uniform(),
        failed=uniform(),
        look=uniform(),
        deliveries=rng.poisson(people.growth, shape),
        denials=rng.poisson(0.9, shape),
        shopping_minor=np.round(spent).astype(np.int64),
    )
