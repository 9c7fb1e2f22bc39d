"""What one process commits, another has forgotten before long; and who cannot hear knows that it cannot."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from redis import Redis

from billing.entitlements.given import put_override
from serving.gate.bus import CHANNEL, RedisBus
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database
    from tests.servers.redis_server import RedisServer

import pytest

pytestmark = pytest.mark.servers
PATIENCE = 20


class Ear:
    """Who is told; `heard` is set at each telling."""

    def __init__(self) -> None:
        self.told: list[tuple[str, frozenset[str] | None]] = []
        self.all = threading.Event()
        self.heard = threading.Event()

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """Somebody changed."""
        self.told.append((tenant_id, customers))
        self.heard.set()

    def forget_everything(self) -> None:
        """Something was missed."""
        self.all.set()


@pytest.fixture
def pair(own_redis: RedisServer) -> Iterator[tuple[RedisBus, RedisBus, Ear]]:
    """Two processes' buses and the ear of the second, which listens."""
    one, two, ear = RedisBus(own_redis.url, time.monotonic_ns), RedisBus(own_redis.url, time.monotonic_ns), Ear()
    two.listen(ear)
    assert ear.all.wait(PATIENCE)
    yield one, two, ear
    one.close()
    two.close()


def test_the_others_hear_and_oneself_does_not(pair: tuple[RedisBus, RedisBus, Ear]) -> None:
    """A process is told what others changed: many customers in several messages, everybody in one."""
    one, two, ear = pair
    two.tell("ten_own", frozenset({"cus_1"}))
    many = frozenset(f"cus_{number}" for number in range(1_200))

    one.tell("ten_1", many)
    one.tell("ten_1", None)
    _until(lambda: ("ten_1", None) in ear.told)

    named = [customers for _, customers in ear.told if customers is not None]
    assert frozenset().union(*named) == many
    assert len(named) == 3
    assert two.is_live()


def test_nonsense_on_the_channel_is_taken_as_a_change_of_everything(
    pair: tuple[RedisBus, RedisBus, Ear], own_redis: RedisServer
) -> None:
    """Better to read anew than to guess; and the listener goes on."""
    one, _, ear = pair
    ear.all.clear()

    Redis.from_url(own_redis.url).publish(CHANNEL, "{")

    assert ear.all.wait(PATIENCE)
    one.tell("ten_1", None)
    assert ear.heard.wait(PATIENCE)


def test_a_stalled_server_is_known_to_be_deaf_and_made_up_for(
    pair: tuple[RedisBus, RedisBus, Ear], own_redis: RedisServer
) -> None:
    """While Redis does not answer the link is not live and telling holds nobody up; afterwards everything is forgotten once."""
    one, two, ear = pair
    own_redis.stall()
    try:
        _until(lambda: not two.is_live())
        ear.all.clear()
        started = time.perf_counter()
        for _ in range(100):
            one.tell("ten_1", None)
        held_up = time.perf_counter() - started
    finally:
        own_redis.resume()

    assert held_up < 50 * 0.05, "only the first of a hundred may wait"
    assert ear.all.wait(PATIENCE)
    _until(two.is_live)


def test_a_change_in_one_process_reaches_the_gate_of_another(
    postgres_database: Database, own_redis: RedisServer, tmp_path: Path
) -> None:
    """Two installations' worth of services over one database: the second never serves what the first has changed."""
    url = postgres_database.url.render_as_string(hide_password=False)
    one, two = (_services(tmp_path / name, url, own_redis.url) for name in ("one", "two"))
    assert two.bus is not None
    two.bus.listen(two.gate)
    _until(two.bus.is_live)
    shop = open_shop(one.database)
    for is_on in (True, False, True):
        before = two.gate.snapshot(shop.scope, "ann", START)
        told = threading.Event()
        end = two.gate.subscribe(shop.scope.tenant_id, lambda _customer, told=told: told.set())  # type: ignore[misc] # (bound at once)

        with one.database.unit(shop.scope) as unit:
            put_override(unit, "ann", "tastings", value=is_on, why="a gift", ends_at=None, now=START)

        assert told.wait(PATIENCE)
        end()
        assert two.gate.held(shop.scope.tenant_id, "ann", START) is not before
        assert two.gate.check(shop.scope, "ann", "tastings", START).allowed is is_on
    for each in (one, two):
        assert each.bus is not None
        each.bus.close()
        each.database.close()


def _services(home: Path, database_url: str, redis_url: str) -> Services:
    return build(Settings(home=home, database_url=database_url, redis_url=redis_url, mlflow_uri="off", _env_file=None))


def _until(met: object) -> None:
    assert callable(met)
    waiting, ends = threading.Event(), time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < ends, "it never came"
        waiting.wait(0.005)
