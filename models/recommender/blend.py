"""The champion: relevance from recency-weighted EASE, times the item's trend, plus shares of popularity and of repeat purchase.

score(j) = lift_j * sum over history i of x_i w_ij + scale * (popularity_weight * popular_j + repeat_weight * repeats_j), where x fades by
age and `scale` is the usual size of a good relevance. Each term belongs to something the customer has or to the item itself, so that
reasons are exact. The repeat term touches owned items only: where those are masked, it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.contract import Histories
from models.recommender.ease import EaseConfig, fit_item_weights
from models.recommender.popular import customers_per_item
from models.recommender.trend import TrendConfig, trend_lift

if TYPE_CHECKING:
    from models.recommender.interactions import Floats, Interactions
    from models.recommender.item_weights import ItemWeights

_SCALE_CUSTOMERS = 1000
_GOOD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendConfig:
    """The parts of the champion; `models.recommender.tune` chooses them on past time only."""

    ease: EaseConfig = field(default_factory=EaseConfig)
    trend: TrendConfig = field(default_factory=TrendConfig)
    popularity_weight: float = 0.1
    popularity_days: float = 30.0
    repeat_weight: float = 2.0
    repeat_half_life_days: float = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBlend:
    """Item weights with the item-side vectors: `lift` and `popular` have shape (items,)."""

    name: str
    config: BlendConfig
    weights: ItemWeights
    lift: Floats
    popular: Floats
    scale: float

    def relevance(self, histories: Histories) -> Floats:
        """Shape (customers, items): the personal part, trend included."""
        return self.weights.propagate(histories.recency(self.config.ease.half_life_days)) * self.lift

    def repeats(self, histories: Histories) -> Floats:
        """Shape (customers, items): baskets with the item, faded."""
        counts: Floats = histories.counts(self.config.repeat_half_life_days).toarray()
        return counts

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): the whole sum."""
        shared = self.config.popularity_weight * self.popular
        own = self.config.repeat_weight * self.repeats(histories)
        return self.relevance(histories) + self.scale * (shared + own)


@dataclass(frozen=True, slots=True)
class Relevance:
    """Fitted item weights, and the usual size of a good score under them."""

    weights: ItemWeights
    scale: float


def fit_blend(interactions: Interactions, as_of_us: int, *, config: BlendConfig | None = None) -> FittedBlend:
    """The champion on everything before the moment."""
    chosen = config or BlendConfig()
    return compose(interactions, as_of_us, config=chosen, relevance=fit_relevance(interactions, as_of_us, chosen.ease))


def fit_relevance(interactions: Interactions, as_of_us: int, ease: EaseConfig) -> Relevance:
    """The costly part: item weights and their scale."""
    weights = fit_item_weights(interactions, as_of_us, ease)
    return Relevance(weights, _usual_score(interactions, as_of_us, weights=weights, half_life_days=ease.half_life_days))


def compose(interactions: Interactions, as_of_us: int, *, config: BlendConfig, relevance: Relevance) -> FittedBlend:
    """The champion around relevance that is already fitted; cheap, so that tuning may call it often."""
    return FittedBlend(
        name=f"blend ({relevance.weights.method} x trend + popular + repeats)",
        config=config,
        weights=relevance.weights,
        lift=trend_lift(interactions, as_of_us, config.trend),
        popular=_popular_share(interactions, as_of_us, config.popularity_days),
        scale=relevance.scale,
    )


def _popular_share(interactions: Interactions, as_of_us: int, days: float) -> Floats:
    """log(1 + customers), as a share of what the most popular have, so that 1 is a bestseller."""
    heat = np.log1p(customers_per_item(interactions, as_of_us, days))
    top = np.sort(heat)[-_GOOD:].mean() if heat.size else 0.0
    share: Floats = heat / top if top > 0 else heat
    return share


def _usual_score(
    interactions: Interactions, as_of_us: int, *, weights: ItemWeights, half_life_days: float | None
) -> float:
    """The median, over recently seen customers, of the mean of the best 20 scores among items they lack."""
    past = interactions.before(as_of_us)
    seen = np.unique(past.row)
    if not seen.size:
        return 1.0
    newest = np.zeros(past.customers.size, dtype=np.int64)
    newest[past.row] = past.at_us  # rows are in order of time: the last one stays
    recent = np.sort(seen[np.argsort(-newest[seen], kind="stable")][:_SCALE_CUSTOMERS])
    histories = Histories.of(past, recent, as_of_us)
    scores = weights.propagate(histories.recency(half_life_days))
    scores[histories.owned()] = 0.0
    good = min(_GOOD, scores.shape[1])
    best = np.partition(scores, -good, axis=1)[:, -good:].mean(axis=1)
    return float(max(np.median(best), 1e-6))
