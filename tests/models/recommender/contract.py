"""The conformance suite of recommenders, and the data with a known answer: a checkerboard of two tastes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.recommender.contract import Histories
from models.recommender.interactions import DAY_US, Interactions

if TYPE_CHECKING:
    from models.recommender.contract import Fitted

AS_OF_US = 100 * DAY_US
TASTES = 2
PER_TASTE = 8


def checkerboard(customers: int = 40, *, seed: int = 0, density: float = 0.75) -> Interactions:
    """Even customers take only even items, odd ones only odd items, each most but not all of its colour, before `AS_OF_US`."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{customer:03}", f"i{item:02}", int(rng.integers(0, AS_OF_US)))
        for customer in range(customers)
        for item in range(customer % TASTES, TASTES * PER_TASTE, TASTES)
        if rng.random() < density
    ]
    return Interactions.from_columns([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def all_histories(interactions: Interactions, as_of_us: int = AS_OF_US) -> Histories:
    """The histories of every customer, in order of code."""
    return Histories.of(interactions, np.arange(interactions.customers.size), as_of_us)


class RecommenderContract:
    """What every recommender keeps; a subclass says how to fit one, and whether it knows tastes."""

    knows_tastes = True

    def fit(self, interactions: Interactions, as_of_us: int) -> Fitted:
        """The recommender under test."""
        raise NotImplementedError

    def test_scores_are_dense_and_finite(self) -> None:
        """One finite score for every customer and item."""
        data = checkerboard()
        scores = self.fit(data, AS_OF_US).score(all_histories(data))

        assert scores.shape == (data.customers.size, data.items.size)
        assert np.isfinite(scores).all()

    def test_the_same_data_gives_the_same_scores(self) -> None:
        """Fitting has no hidden randomness."""
        data = checkerboard()
        first, second = (self.fit(data, AS_OF_US).score(all_histories(data)) for _ in range(2))

        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-7)

    def test_the_future_changes_nothing(self) -> None:
        """What happens at or after the moment is not seen, in fitting or in histories."""
        data = checkerboard()
        moment = 60 * DAY_US
        cut = data.before(moment)
        whole = self.fit(data, moment).score(all_histories(data, moment))
        past = self.fit(cut, moment).score(all_histories(cut, moment))

        np.testing.assert_allclose(whole, past, rtol=1e-5, atol=1e-7)

    def test_nobody_is_an_answer_too(self) -> None:
        """No customers give no rows, and an empty history gives finite scores."""
        data = checkerboard()
        fitted = self.fit(data, AS_OF_US)
        empty = np.zeros(0, dtype=np.int32)
        stranger = Histories(1, data.items.size, empty, empty, np.zeros(0, dtype=np.int64), AS_OF_US)

        assert fitted.score(Histories.of(data, empty, AS_OF_US)).shape == (0, data.items.size)
        assert np.isfinite(fitted.score(stranger)).all()

    def test_a_checkerboard_is_recognised(self) -> None:
        """The best item a customer lacks has the customer's own colour."""
        data = checkerboard()
        histories = all_histories(data)
        scores = self.fit(data, AS_OF_US).score(histories)
        scores[histories.owned()] = -np.inf
        lacking = np.array(
            [not histories.owned()[row, row % TASTES :: TASTES].all() for row in range(histories.customers)]
        )
        colour = scores.argmax(axis=1) % TASTES
        right = (colour == np.arange(histories.customers) % TASTES)[lacking].mean()

        assert right == 1.0 if self.knows_tastes else right < 1.0
