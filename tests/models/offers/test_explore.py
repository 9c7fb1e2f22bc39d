"""Exploration: chances to be best against a count of draws, propensities that are what is really drawn, and seeds that decide."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offers.context import Learned
from models.offers.decide import decide
from models.offers.explore import chances_of_best, draw, propensities
from models.offers.worth import Worth
from tests.models.offers.strategies import SURE, addon, cheapest_first, context, plan, use

BELIEFS = st.lists(st.tuples(st.floats(-500, 5000), st.floats(0, 900)), min_size=1, max_size=10)


def _worth(gain: float, sd: float, *, is_tried: bool = True) -> Worth:
    return Worth(
        margin_minor=100, gain=gain, gain_sd=sd, mean=gain, sd=sd, source="tried", is_tried=is_tried, is_known=False
    )


@given(BELIEFS, st.floats(0, 1), st.booleans())
def test_propensities_sum_to_one_and_leave_a_share_to_everyone(
    beliefs: list[tuple[float, float]],
    explore: float,
    is_tried: bool,  # noqa: FBT001 (drawn, not passed)
) -> None:
    """Whatever is believed; with one candidate there is nothing to draw."""
    found = propensities([_worth(gain, sd, is_tried=is_tried) for gain, sd in beliefs], explore)

    assert sum(found) == pytest.approx(1, abs=1e-9)
    assert all(chance >= explore / len(beliefs) - 1e-12 for chance in found)


@pytest.mark.parametrize(
    ("means", "sds"),
    [([1.0, 0.0], [1.0, 1.0]), ([3.0, 2.0, 2.5], [0.5, 2.0, 1.0]), ([0.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])],
)
def test_the_chance_to_be_best_is_what_drawing_from_the_beliefs_gives(means: list[float], sds: list[float]) -> None:
    """Within one percent of a million Thompson draws."""
    draws = np.random.default_rng(7).normal(means, sds, size=(400_000, len(means)))
    counted = np.bincount(draws.argmax(axis=1), minlength=len(means)) / len(draws)

    assert chances_of_best(means, sds) == pytest.approx(counted, abs=0.01)


@given(BELIEFS)
def test_the_order_of_candidates_does_not_change_their_chances(beliefs: list[tuple[float, float]]) -> None:
    """Nor does counting them in euros instead of cents."""
    means, sds = [mean for mean, _ in beliefs], [sd + 0.01 for _, sd in beliefs]
    found = chances_of_best(means, sds)

    assert tuple(reversed(chances_of_best(means[::-1], sds[::-1]))) == pytest.approx(found, abs=1e-9)
    assert chances_of_best([mean / 10 for mean in means], [sd / 10 for sd in sds]) == pytest.approx(found, abs=1e-6)


def test_what_is_certain_is_always_shown_but_for_exploration() -> None:
    """Ten against one without doubt; equal certainties share."""
    assert propensities([_worth(10, 0), _worth(1, 0)], 0.1) == pytest.approx((0.95, 0.05))
    assert chances_of_best([5.0, 5.0], [0.0, 0.0]) == pytest.approx((0.5, 0.5))


def test_a_seed_draws_the_same_again_and_seeds_draw_by_the_chances() -> None:
    """Two thousand decisions of one customer, each with its own seed: as often as logged, within four standard errors."""
    extra, plus = addon("extra", "5.00", deliveries=5), plan("plus", 1, "19.00", deliveries=30)
    tried = {"limit_near:extra": (60, 4), "limit_near:plus": (40, 2)}
    found = context(
        targets=cheapest_first((extra, plus)),
        limits=(use(3, 3),),
        learned=Learned(tried=tried),
        policy=replace(SURE, explore=0.2),
    )
    choices = [decide(replace(found, draw_seed=seed)) for seed in range(2000)]
    logged = {choice.candidate.target.key: choice.propensity for choice in choices if choice.candidate}
    counted = Counter(choice.candidate.target.key for choice in choices if choice.candidate)

    assert sum(logged.values()) == pytest.approx(1)
    for key, chance in logged.items():
        assert counted[key] / 2000 == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 2000) ** 0.5)
    assert decide(replace(found, draw_seed=5)) == choices[5]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(0, 2**64 - 1))
def test_a_draw_is_one_of_those_there_are(weights: list[float], seed: int) -> None:
    """For any seed, and none that has no chance."""
    chances = [weight / sum(weights) for weight in weights] + [0.0]

    assert 0 <= draw(chances, seed) < len(weights)
