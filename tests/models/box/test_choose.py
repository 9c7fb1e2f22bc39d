"""The boxes keep every rule, and no assignment within the rules is worth more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array

from models.box.choose import ChooseConfig, choose_boxes
from models.box.problem import EMPTY, NO_BUDGET, BoxError, Boxes, Shelf, Wishes

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = ChooseConfig(margin_weight=0.0)


def _shop(seed: int, subscribers: int = 30, items: int = 12, *, budgets: bool = False) -> tuple[Wishes, Shelf]:
    rng = np.random.default_rng(seed)
    slots = rng.integers(0, 4, subscribers).astype(np.int32)
    shelf = Shelf(
        category=rng.integers(0, 4, items).astype(np.int32),
        cost_minor=rng.integers(100, 900, items),
        stock=rng.integers(0, subscribers // 2, items),
    )
    wishes = Wishes(
        worth=rng.random((subscribers, items)).astype(np.float32),
        allowed=rng.random((subscribers, items)) < 0.8,
        slots=slots,
        budget_minor=rng.integers(200, 1_800, subscribers) if budgets else np.full(subscribers, NO_BUDGET),
    )
    return wishes, shelf


def _worth(boxes: Boxes, wishes: Wishes) -> float:
    row, place = np.nonzero(boxes.items != EMPTY)
    return float(wishes.worth[row, boxes.items[row, place]].sum())


def _best_possible(wishes: Wishes, shelf: Shelf) -> tuple[int, float]:
    """The most slots that can be filled, and the most worth then, by mixed-integer programming over every pair."""
    row, item = np.nonzero(wishes.allowed)
    pairs = np.arange(row.size)
    limits: list[tuple[NDArray[Any], NDArray[Any]]] = [
        (row, wishes.slots),
        (item, shelf.stock),
        (row * shelf.items + shelf.category[item], np.full(wishes.subscribers * shelf.items, shelf.most_of_category)),
    ]
    constraints = [
        LinearConstraint(
            coo_array((np.ones(row.size), (group, pairs)), shape=(most.size, row.size)).tocsr(), -np.inf, most
        )
        for group, most in limits
    ]
    found = milp(-(10 + wishes.worth[row, item]), constraints=constraints, integrality=1, bounds=(0, 1))
    taken = found.x > 0.5
    return int(taken.sum()), float(wishes.worth[row[taken], item[taken]].sum())


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.booleans())
def test_every_box_keeps_every_rule(seed: int, budgets: bool) -> None:  # noqa: FBT001 (both kinds of shop)
    """Slots, stock, what is never allowed, once each, variety, budget: whatever the shop."""
    wishes, shelf = _shop(seed, budgets=budgets)
    boxes = choose_boxes(wishes, shelf)

    assert (boxes.used(shelf.items) <= shelf.stock).all()
    assert (boxes.missing(wishes.slots) >= 0).all()
    for row, box in enumerate(boxes.items):
        held = box[box != EMPTY]
        assert len(set(held.tolist())) == held.size
        assert wishes.allowed[row, held].all()
        assert np.bincount(shelf.category[held], minlength=1).max() <= shelf.most_of_category
        assert shelf.cost_minor[held].sum() <= wishes.budget_minor[row]


@pytest.mark.parametrize("seed", range(8))
def test_no_assignment_is_worth_more(seed: int) -> None:
    """Beside a mixed-integer program over every pair: as many slots filled, and as much worth."""
    wishes, shelf = _shop(seed)
    boxes = choose_boxes(wishes, shelf, config=EXACT)
    filled, worth = _best_possible(wishes, shelf)

    assert (boxes.items != EMPTY).sum() == filled
    assert _worth(boxes, wishes) == pytest.approx(worth, abs=0.01)


def test_a_first_look_that_is_too_narrow_is_widened() -> None:
    """Everybody wants the same two items, of which there is one each: the others get what is left rather than nothing."""
    worth = np.tile(np.linspace(1, 0, 20, dtype=np.float32), (10, 1))
    shelf = Shelf(
        category=np.arange(20, dtype=np.int32),
        cost_minor=np.ones(20, dtype=np.int64),
        stock=np.ones(20, dtype=np.int64),
    )
    wishes = Wishes(
        worth=worth,
        allowed=np.ones((10, 20), dtype=bool),
        slots=np.full(10, 2, dtype=np.int32),
        budget_minor=np.full(10, NO_BUDGET),
    )
    boxes = choose_boxes(wishes, shelf, config=ChooseConfig(first_wanted=2, margin_weight=0.0))

    assert boxes.rounds > 1
    assert not boxes.missing(wishes.slots).any()


def test_a_budget_costs_as_little_worth_as_it_must() -> None:
    """The box that fits exactly is found: the dear favourite goes, the rest stays."""
    shelf = Shelf(
        category=np.arange(4, dtype=np.int32),
        cost_minor=np.array([900, 300, 200, 100]),
        stock=np.full(4, 5, dtype=np.int64),
    )
    wishes = Wishes(
        worth=np.array([[1.0, 0.9, 0.8, 0.1]], dtype=np.float32),
        allowed=np.ones((1, 4), dtype=bool),
        slots=np.array([2], dtype=np.int32),
        budget_minor=np.array([500]),
    )

    assert sorted(choose_boxes(wishes, shelf, config=EXACT).items[0].tolist()) == [1, 2]


def test_the_same_input_gives_the_same_boxes() -> None:
    """Ties included."""
    wishes, shelf = _shop(3)
    even = Wishes(
        worth=np.full_like(wishes.worth, 0.5),
        allowed=wishes.allowed,
        slots=wishes.slots,
        budget_minor=wishes.budget_minor,
    )

    assert (choose_boxes(even, shelf).items == choose_boxes(even, shelf).items).all()


def test_tables_that_do_not_fit_are_refused() -> None:
    """Before anything is solved."""
    wishes, shelf = _shop(1)
    with pytest.raises(BoxError):
        Shelf(category=shelf.category, cost_minor=shelf.cost_minor[:-1], stock=shelf.stock)
    with pytest.raises(BoxError):
        Wishes(worth=wishes.worth * 3, allowed=wishes.allowed, slots=wishes.slots, budget_minor=wishes.budget_minor)
