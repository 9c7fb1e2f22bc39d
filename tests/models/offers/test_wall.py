"""The explanation at a wall: what is locked and what would open it, whatever keeps the promotion back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given

from models.offers.context import Wall
from models.offers.decide import decide
from tests.models.offers.strategies import NOW, SURE, addon, context, contexts, past, plan, use

if TYPE_CHECKING:
    from models.offers.context import OfferContext

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)


@given(contexts())
def test_no_cap_switch_or_holdout_takes_the_explanation_away(found: OfferContext) -> None:
    """It depends on what they ran into and what is for sale alone."""
    barred = replace(
        found,
        is_held_out=True,
        opted_out=True,
        past=(past(1, "impression", "dismiss"),),
        policy=replace(SURE, killed=frozenset({"*"})),
    )

    assert decide(barred).wall == decide(found).wall


def test_a_wall_names_the_feature_and_what_opens_it() -> None:
    """What was refused before what is full; nothing on sale may open it; what they have by now is no wall."""
    box = addon("box", "7.50", tastings=True)
    found = context(targets=(box, PLUS), denials={"early_access": 1, "wholesale": 3}, limits=(use(3, 3),))

    assert decide(found).wall == Wall(feature="wholesale", name="wholesale", unlocked_by=None, unlocked_by_name=None)
    full = Wall(feature="deliveries", name="Deliveries", unlocked_by="plus", unlocked_by_name="Plus")
    assert decide(replace(found, denials={})).wall == full
    assert decide(replace(found, denials={}, limits=(use(2, 3),))).wall is None
    assert decide(replace(found, denials={"early_access": 1}, current=PLUS, targets=(), limits=())).wall is None


def test_the_wall_stands_while_they_are_left_alone() -> None:
    """Dismissed a minute ago: no offer, but still the reason and the way out."""
    dismissed = past(0.001, "impression", "dismiss")
    choice = decide(context(targets=(PLUS,), limits=(use(3, 3),), past=(dismissed,), now=NOW))

    assert (choice.candidate, choice.reason) == (None, "cooling_down")
    assert choice.wall is not None
    assert choice.wall.unlocked_by == "plus"
