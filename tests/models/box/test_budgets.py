"""Budgets: every box within its own, as near to an exact solver as is claimed, and never above what the bound allows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.box.alone import best_alone
from models.box.choose import ChooseConfig, choose_boxes, values
from models.box.exact import best_selection
from models.box.prices import FILL, bound, cost_of, market, spend_of
from models.box.problem import EMPTY, Shelf, Wishes
from training.bench.boxes import breaches, exact_boxes, greedy_boxes, greedy_items, simulate_shop

MARGIN = ChooseConfig().margin_weight


def _sum(boxes: np.ndarray, value: np.ndarray) -> tuple[int, float]:
    row, place = np.nonzero(boxes != EMPTY)
    return int(row.size), float(value[row, boxes[row, place]].sum())


@pytest.mark.parametrize("seed", range(3))
def test_little_is_lost_beside_an_exact_solver(seed: int) -> None:
    """On shops where most budgets bind: within one per cent of a mixed-integer program over every pair, gaps counted dearly."""
    wishes, shelf = simulate_shop(60, 24, 4, seed)
    value = values(wishes, shelf, MARGIN)
    filled, worth = exact_boxes(wishes, shelf, value)
    boxes = choose_boxes(wishes, shelf).items
    have, found = _sum(boxes, value)

    best = float(FILL) * filled + worth
    assert best * 0.99 <= float(FILL) * have + found <= best * (1 + 1e-5)
    assert breaches(boxes, wishes, shelf) == ()


def test_a_large_shop_is_near_the_bound_and_above_greed() -> None:
    """A thousand subscribers: next to nobody goes short, and all together are worth more than one after the other."""
    wishes, shelf = simulate_shop(1_000, 60, 5, 7)
    value = values(wishes, shelf, MARGIN)
    boxes = choose_boxes(wishes, shelf).items
    filled, worth = _sum(boxes, value)
    most = bound(value, wishes, shelf, market(value, wishes, shelf))

    assert breaches(boxes, wishes, shelf) == ()
    assert most * 0.995 <= float(FILL) * filled + worth <= most
    for greedy in (greedy_items, greedy_boxes):
        other = greedy(wishes, shelf, value)
        assert breaches(other, wishes, shelf) == ()
        less, poorer = _sum(other, value)
        assert (less, poorer) < (filled, worth)


@settings(max_examples=6)
@given(st.integers(0, 10_000))
def test_any_prices_bound_any_choice(seed: int) -> None:
    """The bound holds for prices that nobody tuned: it is what makes a gap a proof."""
    wishes, shelf = simulate_shop(25, 12, 3, seed)
    value = values(wishes, shelf, MARGIN)
    filled, worth = _sum(choose_boxes(wishes, shelf).items, value)

    assert float(FILL) * filled + worth <= bound(value, wishes, shelf, market(value, wishes, shelf, rounds=7)) + 1e-2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_a_selection_is_the_best_of_all(seed: int, slots: int) -> None:
    """Beside trying every selection by hand: as many slots as can be, then the most worth, within budget and caps."""
    rng = np.random.default_rng(seed)
    value = np.where(rng.random((6, 7)) < 0.8, rng.random((6, 7)), -np.inf).astype(np.float32)
    cost, kind = rng.integers(1, 9, (6, 7)), rng.integers(0, 3, (6, 7)).astype(np.int32)
    caps, budget = rng.integers(1, 3, 6).astype(np.int32), rng.integers(1, 25, 6)
    chosen = best_selection(value, cost, kind, caps, budget, slots)

    for row in range(6):
        fitting = [
            (len(pick), float(value[row, list(pick)].sum()))
            for size in range(slots + 1)
            for pick in combinations(np.flatnonzero(np.isfinite(value[row])).tolist(), size)
            if cost[row, list(pick)].sum() <= budget[row]
            and np.bincount(kind[row, list(pick)], minlength=3).max(initial=0) <= caps[row]
        ]
        best = max(fitting)
        assert chosen[row].sum() == best[0]
        assert float(value[row, chosen[row]].sum()) == pytest.approx(best[1], abs=1e-5)


def test_the_spend_is_the_least_at_which_a_box_fits() -> None:
    """Three items of 300 into 700 do not go: the price of a cent rises until the box takes cheaper ones, and no further."""
    shelf = Shelf(
        category=np.arange(6, dtype=np.int32),
        cost_minor=np.array([300, 300, 300, 200, 200, 200]),
        stock=np.full(6, 9, dtype=np.int64),
    )
    wishes = Wishes(
        worth=np.array([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]] * 2, dtype=np.float32),
        allowed=np.ones((2, 6), dtype=bool),
        slots=np.array([3, 3], dtype=np.int32),
        budget_minor=np.array([700, 900]),
    )
    value = values(wishes, shelf, 0.0)
    spend = spend_of(value, wishes, shelf, np.zeros(6, dtype=np.float32))
    priced = np.where(value >= 0, value + FILL - spend[:, None] * shelf.cost_minor, -1).astype(np.float32)
    boxes = best_alone(priced, wishes.slots, wishes.caps(shelf), shelf)

    assert spend[1] == 0
    assert spend[0] == pytest.approx(0.3 / 100, rel=0.01)
    assert cost_of(boxes, shelf).tolist() == [700, 900]
