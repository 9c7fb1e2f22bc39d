"""The session's Redis: empty for each test; a test's own can stall and die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.servers.redis_server import worker_database

if TYPE_CHECKING:
    from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_starts_without_keys(redis_url: str, turn: int) -> None:
    """What the first turn wrote is not there in the second."""
    with Redis.from_url(redis_url) as client:
        before = client.dbsize()
        client.set("left over", turn)

    assert before == 0


def test_a_stalled_server_does_not_answer_until_it_is_resumed(own_redis: RedisServer) -> None:
    """The connection stays open and silent, which is what a stuck server looks like."""
    with Redis.from_url(own_redis.url, socket_timeout=0.05, retry=None) as client:
        client.ping()
        own_redis.stall()
        with pytest.raises(RedisTimeoutError):
            client.ping()
        own_redis.resume()

    with Redis.from_url(own_redis.url) as client:
        assert client.ping()


def test_a_stopped_server_refuses_connections(own_redis: RedisServer) -> None:
    """Its socket is gone with its folder."""
    own_redis.stop()

    with Redis.from_url(own_redis.url, retry=None) as client, pytest.raises(RedisConnectionError):
        client.ping()


@pytest.mark.parametrize(("worker", "database"), [("", 0), ("master", 0), ("gw0", 0), ("gw3", 3), ("gw17", 1)])
def test_each_worker_has_a_database_of_its_own_on_a_shared_server(worker: str, database: int) -> None:
    """Sixteen databases, numbered by the worker."""
    assert worker_database(worker) == database
