"""Holds against real rows: nothing is given out twice, nothing leaks, and what is committed is usage once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.holds.hold import (
    Hold,
    HoldError,
    HoldState,
    HoldStateError,
    LimitReachedError,
    NotGrantedError,
    Overdraw,
    OverdueError,
)
from billing.entitlements.holds.store import HoldStore
from billing.entitlements.holds.use import HoldRequest, commit, expire, held, release, reserve, room_of
from billing.entitlements.store import GrantStore
from billing.kernel.period import Period
from billing.metering.ingest import ingest
from billing.metering.store import EventStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ann is on Starter: three deliveries a month."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "starter", now=START)
    return shop


def hold(
    shop: Shop, key: str, quantity: int = 1, *, now: datetime = START, overdraw: Overdraw = Overdraw.REFUSE
) -> Hold:
    """Ann holds deliveries for an hour."""
    request = HoldRequest(
        customer="ann", feature="deliveries", quantity=Decimal(quantity), key=key, life=HOUR, overdraw=overdraw
    )
    with shop.database.unit(shop.scope) as unit:
        return reserve(unit, request, now=now)


def used(shop: Shop) -> Decimal:
    """Ann's deliveries in the first month."""
    with shop.database.view(shop.scope) as unit:
        ann, meter = CustomerStore(unit).get("ann").id, CatalogStore(unit).meter("deliveries")
        return EventStore(unit).quantity(ann, meter, Period(START, START + timedelta(days=28)))


def left(shop: Shop, now: datetime = START) -> Decimal | None:
    """What ann's limit has left."""
    with shop.database.view(shop.scope) as unit:
        ann, feature = CustomerStore(unit).get("ann").id, CatalogStore(unit).feature("deliveries")
        return room_of(unit, ann, feature, now)[0].left


def end(shop: Shop, hold_id: str, quantity: int | None = None, *, now: datetime = START) -> Hold:
    """Commit all of a hold, or so much."""
    with shop.database.unit(shop.scope) as unit:
        return commit(unit, hold_id, now=now, quantity=None if quantity is None else Decimal(quantity))


def let_go(shop: Shop, hold_id: str, *, now: datetime = START) -> Hold:
    """Release a hold."""
    with shop.database.unit(shop.scope) as unit:
        return release(unit, hold_id, now=now)


def test_what_is_held_cannot_be_held_again(shop: Shop) -> None:
    """Two of three held: one is left, two more are refused with the figures, and the last one may be had."""
    hold(shop, "first", 2)
    assert left(shop) == 1
    with pytest.raises(LimitReachedError, match=r"1 of 3 are left \(0 used, 2 held\)") as refused:
        hold(shop, "second", 2)
    assert refused.value.facts["resets_at"] == "2026-02-28T09:00:00Z"
    hold(shop, "third")
    assert left(shop) == 0


def test_a_commit_is_usage_once_and_frees_the_rest(shop: Shop) -> None:
    """Two of three used; the same again changes nothing, another quantity is refused, and one is free again."""
    made = hold(shop, "first", 3)
    done = end(shop, made.id, 2)
    assert done.state is HoldState.COMMITTED
    assert [done.used, used(shop), left(shop)] == [2, 2, 1]
    assert end(shop, made.id, 2) == done
    assert used(shop) == 2
    with pytest.raises(HoldStateError):
        end(shop, made.id, 1)
    with pytest.raises(HoldStateError):
        let_go(shop, made.id)


def test_the_same_request_again_is_the_same_hold(shop: Shop) -> None:
    """Also once it has ended; the key with another quantity is a conflict."""
    made = hold(shop, "first", 2)
    assert hold(shop, "first", 2) == made
    assert left(shop) == 1
    let_go(shop, made.id)
    assert hold(shop, "first", 2).state is HoldState.RELEASED
    with pytest.raises(HoldStateError):
        hold(shop, "first", 1)


def test_a_release_frees_everything_once(shop: Shop) -> None:
    """By its key as well as by its id."""
    hold(shop, "first", 3)
    assert let_go(shop, "first").state is HoldState.RELEASED
    assert let_go(shop, "first").state is HoldState.RELEASED
    assert left(shop) == 3
    with pytest.raises(HoldStateError):
        end(shop, "first")


def test_a_hold_that_is_forgotten_counts_no_more(shop: Shop) -> None:
    """From the instant it runs out, whether or not anybody wrote that down; the job does, once."""
    hold(shop, "first", 3)
    assert left(shop, START + HOUR - timedelta(microseconds=1)) == 0
    assert left(shop, START + HOUR) == 3
    with shop.database.unit(shop.scope) as unit:
        assert expire(unit, now=START + HOUR) == 1
    with shop.database.unit(shop.scope) as unit:
        assert expire(unit, now=START + HOUR) == 0
        assert HoldStore(unit).get("first").state is HoldState.EXPIRED
    assert let_go(shop, "first", now=START + HOUR).state is HoldState.EXPIRED


def test_what_ran_out_may_be_committed_while_there_is_room(shop: Shop) -> None:
    """The work was done: it counts if its units are still free, and is refused if others took them."""
    late = START + 2 * HOUR
    hold(shop, "first", 2)
    hold(shop, "second", 2, now=late)
    with pytest.raises(LimitReachedError):
        end(shop, "first", now=late)
    let_go(shop, "second", now=late)
    assert end(shop, "first", now=late).state is HoldState.COMMITTED
    assert used(shop) == 2


@pytest.mark.parametrize(
    ("overdraw", "asked", "allowed"),
    [
        (Overdraw.REFUSE, 2, False),
        (Overdraw.UP_TO, 3, True),
        (Overdraw.UP_TO, 4, False),
        (Overdraw.ALLOW, 4, True),
    ],
)
def test_more_than_was_held(shop: Shop, overdraw: Overdraw, asked: int, *, allowed: bool) -> None:
    """One held of three: by its policy two are refused, three taken while the limit has them, four written whatever it says."""
    hold(shop, "first", 1, overdraw=overdraw)
    if not allowed:
        with pytest.raises((HoldError, LimitReachedError)):
            end(shop, "first", asked)
        assert used(shop) == 0
        assert left(shop) == 2
        return
    end(shop, "first", asked)
    assert used(shop) == asked


def test_usage_that_comes_otherwise_counts_too(shop: Shop) -> None:
    """Two delivered without a hold: one is left."""
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", f"e{number}", START) for number in range(2)], now=START)
    assert left(shop) == 1
    with pytest.raises(LimitReachedError):
        hold(shop, "first", 2)


def test_what_cannot_be_held_says_why(shop: Shop) -> None:
    """No meter, half an event, nothing, for too long, no right, unpaid."""
    base = {"customer": "ann", "feature": "deliveries", "quantity": Decimal(1), "key": "k", "life": HOUR}
    with shop.database.unit(shop.scope) as unit:
        for wrong, error in (
            ({"feature": "early_access"}, HoldError),
            ({"quantity": Decimal("0.5")}, HoldError),
            ({"quantity": Decimal(0)}, HoldError),
            ({"life": timedelta(days=8)}, HoldError),
            ({"customer": "bob"}, NotGrantedError),
        ):
            with pytest.raises(error):
                reserve(unit, HoldRequest(**{**base, **wrong}), now=START)  # type: ignore[arg-type] # (a table)
        with pytest.raises(OverdueError):
            reserve(unit, HoldRequest(**base), now=START, overdue=lambda customers: customers)  # type: ignore[arg-type]


def test_a_meter_that_sums_takes_the_quantity_as_its_value(shop: Shop) -> None:
    """1.25 of a limit of 3, as one event whose filter the data must meet."""
    with shop.database.unit(shop.scope) as unit:
        store = CatalogStore(unit)
        store.put_meter(
            Meter(
                key="deliveries",
                name="Weight",
                event_type="parcel",
                aggregation=Aggregation.SUM,
                prop="kilos",
                filters={"kind": ("express",)},
            )
        )
        store.put_feature(Feature(key="deliveries", name="D", kind=FeatureKind.LIMIT, meter_key="deliveries"))
        request = HoldRequest(customer="ann", feature="deliveries", quantity=Decimal("2.5"), key="first", life=HOUR)
        reserve(unit, request, now=START)
    with pytest.raises(HoldError, match="filters by"), shop.database.unit(shop.scope) as unit:
        commit(unit, "first", now=START, quantity=Decimal("1.25"))
    with shop.database.unit(shop.scope) as unit:
        commit(unit, "first", now=START, quantity=Decimal("1.25"), data={"kind": "express"})
    assert used(shop) == Decimal("1.25")


def test_features_that_read_one_meter_share_what_is_held(shop: Shop) -> None:
    """Both count the same events: three held by one name leave nothing under the other."""
    with shop.database.unit(shop.scope) as unit:
        CatalogStore(unit).put_feature(Feature(key="drops", name="D", kind=FeatureKind.LIMIT, meter_key="deliveries"))
        ann = CustomerStore(unit).get("ann").id
        (given, *_) = [grant for grant in GrantStore(unit).of_customer(ann, START) if grant.feature == "deliveries"]
        GrantStore(unit).add([replace(given, id="gra_drops", feature="drops", value=5)])
    hold(shop, "first", 3)
    asked = HoldRequest(customer="ann", feature="drops", quantity=Decimal(3), key="second", life=HOUR)
    with pytest.raises(LimitReachedError), shop.database.unit(shop.scope) as unit:
        reserve(unit, asked, now=START)
    with shop.database.view(shop.scope) as unit:
        assert held(unit, [ann], ["drops", "deliveries", "early_access"], START) == {
            (ann, "drops"): 3,
            (ann, "deliveries"): 3,
        }


def test_a_clock_that_is_behind_does_not_use_what_was_given_away(shop: Shop) -> None:
    """One process saw the hold run out and gave its units to another; to the owner's clock it is still open, and refused all the same."""
    hold(shop, "first", 3)
    hold(shop, "second", 3, now=START + HOUR)
    with pytest.raises(LimitReachedError):
        end(shop, "first", now=START + HOUR - timedelta(seconds=61))
    assert end(shop, "second", now=START + HOUR).used == 3
    assert used(shop) == 3


def test_a_key_is_one_hold_of_all_customers(shop: Shop) -> None:
    """Bob cannot have what Ann named, and is told so."""
    with shop.database.unit(shop.scope) as unit:
        subscribe(unit, "bob", "starter", now=START)
    hold(shop, "first")
    asked = HoldRequest(customer="bob", feature="deliveries", quantity=Decimal(1), key="first", life=HOUR)
    with pytest.raises(HoldStateError, match="take a new one"), shop.database.unit(shop.scope) as unit:
        reserve(unit, asked, now=START)


def test_a_list_shows_what_ran_out_as_such(shop: Shop) -> None:
    """Before anybody wrote it down: found among the expired, and not among the open."""
    hold(shop, "first")
    hold(shop, "second", now=START + HOUR)

    def keys(state: HoldState | None) -> list[str]:
        with shop.database.view(shop.scope) as unit:
            found = HoldStore(unit).page(now=START + HOUR, limit=10, state=state).items
        assert all(each.state is state for each in found if state is not None)
        return [each.key for each in found]

    assert (keys(HoldState.OPEN), keys(HoldState.EXPIRED), keys(None)) == (["second"], ["first"], ["second", "first"])
    assert keys(HoldState.COMMITTED) == []


def test_usage_that_took_the_ids_of_a_hold_is_told(shop: Shop) -> None:
    """A commit that would count nothing is refused, and leaves the hold as it was."""
    made = hold(shop, "first")
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [{**delivery("ann", f"{made.id}:0", START), "source": "hold"}], now=START)
    with pytest.raises(HoldStateError, match="sent by somebody else"):
        end(shop, made.id)
    assert let_go(shop, made.id).state is HoldState.RELEASED
