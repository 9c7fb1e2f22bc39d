"""Holds under contention and sudden death, with processes of their own: exactly the limit passes, and nothing leaks."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.holds.hold import Hold, HoldState, HoldStateError
from billing.entitlements.holds.use import commit, expire, release, room_of
from billing.subscriptions.subscribe import subscribe
from tests.billing.entitlements.holds.racing import HOUR, TASKS, ask, die, race
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database
    from billing.entitlements.holds.hold import Room

PROCESSES = 2
APART = timedelta(seconds=61)
_CONTEXT = get_context("spawn")


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ann is on Plus: thirty deliveries a month."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "plus", now=START)
    return shop


def _room(shop: Shop, now: datetime) -> Room:
    with shop.database.view(shop.scope) as unit:
        ann, feature = CustomerStore(unit).get("ann").id, CatalogStore(unit).feature("deliveries")
        return room_of(unit, ann, feature, now)[0]


def _url(shop: Shop) -> str:
    return shop.database.url.render_as_string(hide_password=False)


def _race(shop: Shop, *, ends: bool) -> Counter[str]:
    """64 tasks in each of two processes whose clocks are 61 seconds apart."""
    answers = _CONTEXT.Queue()
    racers = [
        _CONTEXT.Process(
            target=race,
            args=(_url(shop), shop.opened.tenant.id, f"p{number}", START + number * APART),
            kwargs={"ends": ends, "answers": answers},
        )
        for number in range(PROCESSES)
    ]
    for racer in racers:
        racer.start()
    found = sum((answers.get(timeout=120) for _ in racers), Counter[str]())
    for racer in racers:
        racer.join()
    assert sum(found.values()) == PROCESSES * TASKS
    return found


def test_of_two_processes_exactly_the_limit_passes(shop: Shop) -> None:
    """Thirty of 128 tasks, whoever they are."""
    assert _race(shop, ends=False) == {"open": 30, "refused": PROCESSES * TASKS - 30}
    assert _room(shop, START + APART).left == 0


def test_processes_that_also_commit_and_release_keep_the_books(shop: Shop) -> None:
    """What is used and held is what the tasks were told, and within the limit."""
    found = _race(shop, ends=True)

    room = _room(shop, START + APART)
    assert [room.used, room.held] == [found["committed"], found["open"]]
    assert room.used + room.held <= 30


def test_of_many_threads_exactly_the_limit_passes(shop: Shop) -> None:
    """Thirty of 64."""
    found = together(TASKS, lambda number: ask(shop.database, shop.scope, f"key-{number}", START))

    assert [each for each in found if isinstance(each, Exception)] == []
    assert sum(each is not None for each in found) == 30


def test_threads_with_one_key_make_one_hold(shop: Shop) -> None:
    """All are told of the same."""
    found = together(8, lambda _: ask(shop.database, shop.scope, "key", START))

    assert len(set(found)) == 1, found
    assert _room(shop, START).held == 1


def test_a_hold_that_many_end_at_once_ends_in_one_way(shop: Shop) -> None:
    """Half commit and half release: who comes second is told how it ended, and it is used once or not at all."""
    made = ask(shop.database, shop.scope, "key", START)
    assert made is not None

    def end(number: int) -> Hold:
        with shop.database.unit(shop.scope) as unit:
            return (commit if number % 2 else release)(unit, made, now=START)

    found = together(8, end)

    ended = {each.state for each in found if isinstance(each, Hold)}
    assert len(ended) == 1, found
    assert sum(isinstance(each, HoldStateError) for each in found) == 4
    assert [_room(shop, START).held, _room(shop, START).used] == [0, ended == {HoldState.COMMITTED}]


@pytest.mark.parametrize("writing", [False, True])
def test_a_process_that_dies_with_holds_leaks_nothing(shop: Shop, *, writing: bool) -> None:
    """Its units are set aside until their time is over, then they are free, with or without tidying up; nothing was used."""
    dying = _CONTEXT.Process(target=die, args=(_url(shop), shop.opened.tenant.id, START), kwargs={"writing": writing})
    dying.start()
    dying.join(timeout=120)
    assert dying.exitcode == -signal.SIGKILL

    before, after = _room(shop, START + HOUR / 2), _room(shop, START + HOUR)
    assert [before.used, before.held, after.used, after.held] == [0, 3, 0, 0]
    with shop.database.unit(shop.scope) as unit:
        assert expire(unit, now=START + HOUR) == 3
    assert _room(shop, START + HOUR) == after
