"""Boxes from the shelf to the subscriber: rules kept, nothing given twice, and every swap and rating taught to the next box."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.subscriptions.subscribe import subscribe
from billing.tastes.declare import declare_preferences
from billing.tastes.taste import Kind, Preference
from features.boxes.box_plan import BoxPlan, BoxPlanError, PeriodClosedError
from features.boxes.chosen.box import RatingError, SwapError
from features.boxes.put_up import put_box_plan
from features.boxes.store import BoxPlanStore, ShelfStore
from features.privacy.profiling import set_profiling
from models.box.choose import choose_boxes
from serving.predict import boxes as choosing
from serving.predict.boxes import ShelfMovedError, choose_due, choose_period, summary
from serving.predict.my_box import next_box, rate_item, swap_item
from tests.serving.predict.boxing import CUT_OFF, NEXT_CUT_OFF, NOW, box_of, open_boxing, put_shelf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Database
    from tests.shop import Shop

DARK = Preference(kind=Kind.LIKE, key="roast", value="dark")
NO_NUTS = Preference(kind=Kind.NEVER, key="allergens", value="nuts")


def _left(shop: Shop, period: str = "p1") -> dict[str, int]:
    with shop.database.view(shop.scope) as unit:
        return {item.item: item.left for item in ShelfStore(unit).items(period)}


def _swap(shop: Shop, out: str, into: str, *, customer: str = "ann", now: datetime = NOW) -> None:
    with shop.database.unit(shop.scope) as unit:
        swap_item(unit, customer, "p1", out, into, now=now)


def test_everybody_gets_what_they_like_and_nothing_that_could_harm(sqlite_database: Database) -> None:
    """Dark roasts come first and say why; who must have no nuts gets none, nor tea of which nobody said."""
    shop = open_boxing(sqlite_database, wishes={"ann": [DARK], "bob": [NO_NUTS]})
    done = choose_period(shop.database, shop.scope, "p1", now=NOW)

    assert (done.boxes, done.short) == (2, 0)
    ann, bob = box_of(shop), box_of(shop, customer="bob")
    assert {"ayla", "brio"} < set(ann.items)
    assert [each.sentence for each in ann.contents[:2]] == ["because you like dark roast"] * 2
    assert not {"echo", "haze"} & set(bob.items)
    assert (ann.price_minor, ann.budget_minor) == (900, 630)
    assert sum(_left(shop).values()) == 80 - 6
    with shop.database.view(shop.scope) as unit:
        stands = summary(unit, "p1")
    assert (stands.boxes, stands.filled, stands.short, stands.price_minor) == (2, 2, {}, 1800)


def test_a_second_run_changes_nothing_and_serves_who_came_since(database: Database) -> None:
    """Whoever has a box keeps it; a later subscriber is filled from what is left."""
    shop = open_boxing(database)
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    before, left = box_of(shop), _left(shop)
    assert choose_period(shop.database, shop.scope, "p1", now=NOW).boxes == 0
    assert (box_of(shop), _left(shop)) == (before, left)

    with shop.database.unit(shop.scope) as unit:
        CustomerStore(unit).ensure(["cid"], NOW)
        subscribe(unit, "cid", "starter", now=NOW)
    assert choose_due(shop.database, shop.scope, now=NOW) == (0, [])
    assert choose_due(shop.database, shop.scope, now=NOW + timedelta(hours=1)) == (1, [])
    assert box_of(shop) == before


def test_a_shelf_that_nobody_was_given_of_may_still_change(sqlite_database: Database) -> None:
    """With no box plan yet, nothing is chosen and nothing is settled."""
    shop = open_boxing(sqlite_database, plan=False)
    assert choose_due(shop.database, shop.scope, now=NOW) == (0, [])
    put_shelf(shop, "p1", stock=4)
    with shop.database.unit(shop.scope) as unit:
        put_box_plan(unit, BoxPlan(key="starter", slots=3), now=NOW)
    assert choose_due(shop.database, shop.scope, now=NOW) == (2, [])


def test_a_run_that_breaks_off_publishes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the choice and its publication, or with the shelf moved under it: no box, nothing taken; the next run does it."""
    shop = open_boxing(database)
    solved = choose_boxes

    def interrupted(*given: object, **named: object) -> object:
        boxes = solved(*given, **named)  # type: ignore[arg-type] # (handed through)
        put_shelf(shop, "p1", stock=5)
        return boxes

    monkeypatch.setattr(choosing, "choose_boxes", interrupted)
    with pytest.raises(ShelfMovedError):
        choose_period(shop.database, shop.scope, "p1", now=NOW)
    assert set(_left(shop).values()) == {5}
    monkeypatch.undo()
    assert choose_period(shop.database, shop.scope, "p1", now=NOW).boxes == 2


def test_too_little_leaves_boxes_short_and_says_why(sqlite_database: Database) -> None:
    """Four units for two boxes of three; a floor that no box can keep; wishes that leave too little."""
    shop = open_boxing(sqlite_database, wishes={"bob": [Preference(kind=Kind.MUST, key="leaf", value="green")]})
    put_shelf(shop, "p1", stock={"ayla": 1, "cala": 1, "gale": 2})
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    assert (box_of(shop).missing, box_of(shop, customer="bob").short_why) == (0, "wishes")

    put_shelf(shop, "p2", cut_off=NEXT_CUT_OFF)
    with shop.database.unit(shop.scope) as unit:
        plan = BoxPlanStore(unit).get("starter")
        put_box_plan(unit, replace(plan, margin_floor_bps=6_500), now=NOW)
    choose_period(shop.database, shop.scope, "p2", now=NOW)
    assert box_of(shop, "p2").short_why == "budget"


def test_a_swap_moves_stock_and_is_judged_like_the_choice(database: Database) -> None:
    """What comes in leaves the shelf, what goes out returns; sold out, harmful, too alike, too late and foreign are refused."""
    shop = open_boxing(database, wishes={"ann": [DARK, NO_NUTS]})
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    third = next(item for item in box_of(shop).items if item not in {"ayla", "brio"})
    into = "gale" if third != "gale" else "fern"
    before = _left(shop)

    _swap(shop, third, into)

    assert (_left(shop)[into], _left(shop)[third]) == (before[into] - 1, before[third] + 1)
    assert box_of(shop).contents[2].code == "swapped"
    for out, wanted, reason in (
        ("ayla", "echo", "not_allowed"),
        (into, "cala", "too_alike"),
        (third, "dune", "not_in_box"),
        ("ayla", "brio", "already_in_box"),
        ("ayla", "zest", "not_on_shelf"),
    ):
        with pytest.raises(SwapError) as refused:
            _swap(shop, out, wanted)
        assert refused.value.facts["reason"] == reason, (out, wanted)
    with pytest.raises(SwapError) as late:
        _swap(shop, "ayla", "cala", now=CUT_OFF)
    assert late.value.facts["reason"] == "after_cut_off"


def test_two_never_get_the_last_unit(database: Database) -> None:
    """Both ask at once for the one that is left: one gets it, the other is told that it has run out, and the stock adds up."""
    no_green = Preference(kind=Kind.LIKE, key="leaf", value="green", weight=-100)
    shop = open_boxing(database, wishes={"ann": [DARK, no_green], "bob": [DARK, no_green]})
    put_shelf(shop, "p1", stock={"ayla": 2, "brio": 2, "fern": 2, "gale": 1})
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    refused: list[str] = []

    def ask(customer: str) -> None:
        try:
            _swap(shop, "fern", "gale", customer=customer)
        except SwapError as error:
            refused.append(str(error.facts["reason"]))

    both = [threading.Thread(target=ask, args=(name,)) for name in ("ann", "bob")]
    assert _left(shop) == {"ayla": 0, "brio": 0, "fern": 0, "gale": 1}
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert refused == ["sold_out"]
    held = [item for name in ("ann", "bob") for item in box_of(shop, customer=name).items]
    assert (held.count("gale"), held.count("fern")) == (1, 1)
    assert _left(shop) == {"ayla": 0, "brio": 0, "fern": 1, "gale": 0}


@pytest.mark.parametrize(("wishes", "liked"), [([], True), ([DARK], False)])
def test_ratings_teach_the_next_box(
    sqlite_database: Database,
    wishes: Sequence[Preference],
    liked: bool,  # noqa: FBT001 (a case)
) -> None:
    """Who loved one dark roast is sent the other, and is told why; who declared them and disliked three in a row is not."""
    shop = open_boxing(sqlite_database, wishes={"ann": list(wishes)}, apart=0)
    for number in range(3):
        period, at = f"q{number}", NOW + timedelta(days=30 * number)
        stock = dict.fromkeys(("ayla", "gale", "fern"), 5)
        put_shelf(shop, period, stock=stock, now=at, cut_off=at + timedelta(days=9))
        choose_period(shop.database, shop.scope, period, now=at)
        with shop.database.unit(shop.scope) as unit:
            rate_item(unit, "ann", period, "ayla", liked=liked, now=at)
    at = NOW + timedelta(days=100)
    put_shelf(shop, "last", now=at, cut_off=at + timedelta(days=9))
    choose_period(shop.database, shop.scope, "last", now=at)

    assert ("brio" in box_of(shop, "last").items) is liked
    if liked:
        why = next(each.sentence for each in box_of(shop, "last").contents if each.item == "brio")
        assert why == "because you like dark roast"


def test_a_swap_teaches_the_next_box(sqlite_database: Database) -> None:
    """Who swaps a light roast for a dark one is sent dark next time, without having declared or rated anything."""
    shop = open_boxing(sqlite_database, apart=0)
    light = Preference(kind=Kind.LIKE, key="roast", value="light")
    put_shelf(shop, "p1", stock={"cala": 5, "fern": 5, "gale": 5, "brio": 5})
    with shop.database.unit(shop.scope) as unit:
        declare_preferences(unit, "ann", [light], now=NOW)
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    with shop.database.unit(shop.scope) as unit:
        declare_preferences(unit, "ann", [], now=NOW)
        out = "cala" if "brio" not in box_of(shop).items else ""
    assert out
    _swap(shop, out, "brio")
    at = NOW + timedelta(days=35)
    put_shelf(shop, "p2", stock=dict.fromkeys(("ayla", "cala", "dune"), 5), now=at, cut_off=at + timedelta(days=9))
    choose_period(shop.database, shop.scope, "p2", now=at)

    assert box_of(shop, "p2").items[0] == "ayla"
    assert box_of(shop, "p2").contents[0].sentence == "because you like dark roast"


def test_nothing_is_learned_of_who_opted_out(sqlite_database: Database) -> None:
    """Three bad ratings of a dark roast do not outweigh the declared wish for dark ones; for who did not opt out they do."""
    shop = open_boxing(sqlite_database, wishes={"ann": [DARK], "bob": [DARK]}, apart=0)
    with shop.database.unit(shop.scope) as unit:
        set_profiling(unit, "ann", allowed=False, now=NOW)
    for number in range(3):
        period, at = f"q{number}", NOW + timedelta(days=30 * number)
        put_shelf(
            shop, period, stock=dict.fromkeys(("ayla", "gale", "fern"), 5), now=at, cut_off=at + timedelta(days=9)
        )
        choose_period(shop.database, shop.scope, period, now=at)
        with shop.database.unit(shop.scope) as unit:
            for customer in ("ann", "bob"):
                rate_item(unit, customer, period, "ayla", liked=False, now=at)
    at = NOW + timedelta(days=100)
    put_shelf(shop, "last", now=at, cut_off=at + timedelta(days=9))
    choose_period(shop.database, shop.scope, "last", now=at)

    assert "brio" in box_of(shop, "last").items
    assert "brio" not in box_of(shop, "last", "bob").items


def test_what_was_had_is_not_sent_again_at_once(sqlite_database: Database) -> None:
    """Nothing of the last box is in the next one; what can come instead is shown with it."""
    shop = open_boxing(sqlite_database)
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    put_shelf(shop, "p2", now=CUT_OFF, cut_off=NEXT_CUT_OFF)
    choose_period(shop.database, shop.scope, "p2", now=CUT_OFF)

    assert not set(box_of(shop).items) & set(box_of(shop, "p2").items)
    with shop.database.view(shop.scope) as unit:
        found = next_box(unit, "ann", now=CUT_OFF)
    assert found.period.key == "p2"
    assert found.alternatives
    assert not set(found.alternatives) & set(found.box.items)


def test_what_cannot_be_is_refused(sqlite_database: Database) -> None:
    """A shelf of what is no product, one after its boxes were chosen, a choice after the cut-off, a rating of what was not sent."""
    shop = open_boxing(sqlite_database)
    with pytest.raises(BoxPlanError, match="no product"):
        put_shelf(shop, "p9", stock={"nothing": 1})
    with pytest.raises(BoxPlanError):
        BoxPlan(key="starter", slots=0)
    choose_period(shop.database, shop.scope, "p1", now=NOW)
    with pytest.raises(PeriodClosedError):
        put_shelf(shop, "p1")
    with pytest.raises(PeriodClosedError):
        choose_period(shop.database, shop.scope, "p1", now=CUT_OFF)
    absent = next(iter(set(_left(shop)) - set(box_of(shop).items)))
    with pytest.raises(RatingError), shop.database.unit(shop.scope) as unit:
        rate_item(unit, "ann", "p1", absent, liked=True, now=NOW)
