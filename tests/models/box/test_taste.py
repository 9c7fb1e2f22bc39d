"""What a subscriber does teaches the next box, every choice has its reason, and a swap keeps the rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.box.choose import ChooseConfig, choose_boxes
from models.box.problem import NO_BUDGET, Shelf, Wishes
from models.box.reasons import reasons
from models.box.swap import SwapRefusedError, swap
from models.box.taste import Act, Tastes, Told

NAMES = ("fruity", "dark", "decaf")
ATTRIBUTES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
NOBODY = np.zeros((2, 3), dtype=bool)
CUT_OFF = datetime(2026, 5, 1, tzinfo=UTC)


def test_what_is_swapped_and_rated_changes_the_worth_of_alike_items() -> None:
    """For who did it, more than for others; and old acts count less."""
    tastes = Tastes.declared(NOBODY, NOBODY, 5)
    told = [Told(subscriber=0, item=0, act=Act.LIKED), Told(subscriber=0, item=1, act=Act.SWAPPED_OUT)]
    before, after = tastes.worth(ATTRIBUTES), tastes.learn(told, ATTRIBUTES).worth(ATTRIBUTES)

    assert after[0, 0] > before[0, 0]
    assert after[0, 1] < before[0, 1]
    assert after[0, 0] - before[0, 0] > after[1, 0] - before[1, 0] > 0
    old = tastes.learn([Told(subscriber=0, item=0, act=Act.LIKED, days_ago=720)], ATTRIBUTES).worth(ATTRIBUTES)
    assert before[0, 0] < old[0, 0] < after[0, 0]


def test_a_hidden_taste_is_found_within_some_boxes() -> None:
    """Fifty subscribers who secretly like one of three kinds and swap out the others: most of the fifth box is what they like."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, 60)
    attributes = np.eye(3, dtype=bool)[kinds]
    secret = rng.integers(0, 3, 50)
    nothing = np.zeros((50, 3), dtype=bool)
    tastes = Tastes.declared(nothing, nothing, 60)
    shelf = Shelf(
        category=np.arange(60, dtype=np.int32),
        cost_minor=np.ones(60, dtype=np.int64),
        stock=np.full(60, 10, dtype=np.int64),
    )
    hits = []
    for _ in range(5):
        wishes = Wishes(
            worth=tastes.worth(attributes),
            allowed=np.ones((50, 60), dtype=bool),
            slots=np.full(50, 4, dtype=np.int32),
            budget_minor=np.full(50, NO_BUDGET),
        )
        boxes = choose_boxes(wishes, shelf, config=ChooseConfig(margin_weight=0.0)).items
        right = kinds[boxes] == secret[:, None]
        hits.append(right.mean())
        told = [
            Told(subscriber=row, item=int(item), act=Act.KEPT if right[row, place] else Act.SWAPPED_OUT)
            for row in range(50)
            for place, item in enumerate(boxes[row])
        ]
        tastes = tastes.learn(told, attributes)

    assert hits[0] < 0.5
    assert hits[-1] > 0.8


def test_every_choice_has_a_reason() -> None:
    """What is liked, what is popular, and what stands in for something that ran out."""
    likes = np.array([[True, False, False], [False, False, False]])
    tastes = Tastes.declared(likes, NOBODY, 5)
    found = reasons(
        np.array([0, 4, 1], dtype=np.int32),
        0,
        tastes=tastes,
        attributes=ATTRIBUTES,
        names=NAMES,
        first_choice=np.array([0, 3, 4], dtype=np.int32),
    )

    assert [why.code for why in found] == ["liked", "popular", "next_best"]
    assert found[0].sentence == "because you like fruity"


@pytest.mark.parametrize(
    ("out", "into", "code"),
    [
        (0, 3, None),
        (2, 3, "not_in_box"),
        (0, 1, "already_in_box"),
        (0, 2, "not_allowed"),
        (0, 4, "sold_out"),
        (0, 5, "over_budget"),
        (0, 6, "too_alike"),
    ],
)
def test_a_swap_keeps_the_rules_of_the_choice(out: int, into: int, code: str | None) -> None:
    """And says which one it would break; after the cut-off none is possible."""
    shelf = Shelf(
        category=np.array([0, 1, 2, 3, 4, 5, 1], dtype=np.int32),
        cost_minor=np.array([100, 100, 100, 100, 100, 900, 100]),
        stock=np.ones(7, dtype=np.int64),
        most_of_category=1,
    )

    def swapped(now: datetime) -> np.ndarray:
        return swap(
            np.array([0, 1], dtype=np.int32),
            out,
            into,
            allowed=np.array([1, 1, 0, 1, 1, 1, 1], dtype=bool),
            left=np.array([0, 0, 1, 1, 0, 1, 1]),
            shelf=shelf,
            budget_minor=250,
            now=now,
            cut_off=CUT_OFF,
        )

    if code is None:
        assert swapped(CUT_OFF - timedelta(seconds=1)).tolist() == [3, 1]
    else:
        with pytest.raises(SwapRefusedError) as refused:
            swapped(CUT_OFF - timedelta(seconds=1))
        assert refused.value.code == code
    with pytest.raises(SwapRefusedError, match="packed"):
        swapped(CUT_OFF)
