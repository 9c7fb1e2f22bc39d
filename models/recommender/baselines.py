"""The honest baselines that stand beside every recommender: what a shop could have with an afternoon and a good library.

A champion that does not beat the best of them with certainty is not promoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.recommender.als import fit_als
from models.recommender.ease import EaseConfig, fit_ease
from models.recommender.neighbours import fit_neighbours
from models.recommender.own_frequency import fit_own_frequency
from models.recommender.popular import fit_popular

if TYPE_CHECKING:
    from models.recommender.contract import Fit, Fitted
    from models.recommender.interactions import Interactions

_ALL = EaseConfig().max_dense_items


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in a comparison: how to fit it, and whether it is one to be beaten."""

    fit: Fit
    is_baseline: bool = True


def fit_popular_recent(interactions: Interactions, as_of_us: int) -> Fitted:
    """Popularity of the last 30 days."""
    return fit_popular(interactions, as_of_us, days=30.0)


def fit_plain_ease(interactions: Interactions, as_of_us: int) -> Fitted:
    """EASE as published: binary histories, shrinkage 500, every weight kept."""
    config = EaseConfig(shrinkage=500.0, half_life_days=None, keep=_ALL)
    return fit_ease(interactions, as_of_us, config=config)


BASELINES: tuple[Entry, ...] = (
    Entry(fit_popular),
    Entry(fit_popular_recent),
    Entry(fit_own_frequency),
    Entry(fit_neighbours),
    Entry(fit_als),
    Entry(fit_plain_ease),
)
