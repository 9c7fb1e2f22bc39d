"""Every recommender against the one contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.recommender.als import AlsConfig, fit_als
from models.recommender.blend import fit_blend
from models.recommender.ease import EaseConfig, fit_ease
from models.recommender.neighbours import fit_neighbours
from models.recommender.own_frequency import fit_own_frequency
from models.recommender.popular import fit_popular
from tests.models.recommender.contract import RecommenderContract

if TYPE_CHECKING:
    from models.recommender.contract import Fitted
    from models.recommender.interactions import Interactions


class TestPopular(RecommenderContract):
    """Popularity of all time knows no tastes."""

    knows_tastes = False

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """All time."""
        return fit_popular(interactions, as_of_us)


class TestPopularRecent(RecommenderContract):
    """Popularity of the last days knows no tastes."""

    knows_tastes = False

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Thirty days."""
        return fit_popular(interactions, as_of_us, days=30)


class TestOwnFrequency(RecommenderContract):
    """Own frequency knows what one has, and nothing of what one lacks."""

    knows_tastes = False

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Defaults."""
        return fit_own_frequency(interactions, as_of_us)


class TestNeighbours(RecommenderContract):
    """Cosine neighbours."""

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Defaults."""
        return fit_neighbours(interactions, as_of_us)


class TestEase(RecommenderContract):
    """EASE with fading histories."""

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """A shrinkage that fits forty customers."""
        return fit_ease(interactions, as_of_us, config=EaseConfig(shrinkage=5.0))


class TestEaseBeyondItsSize(RecommenderContract):
    """A catalogue too large for the dense inverse: weights from ALS factors."""

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Ten items are already too many."""
        fitted = fit_ease(interactions, as_of_us, config=EaseConfig(max_dense_items=10))
        assert fitted.weights.method == "ials"
        return fitted


class TestAls(RecommenderContract):
    """Implicit ALS, folded in."""

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Four factors are enough for two tastes."""
        return fit_als(interactions, as_of_us, config=AlsConfig(factors=4))


class TestBlend(RecommenderContract):
    """The champion with its defaults."""

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """Defaults."""
        return fit_blend(interactions, as_of_us)
