"""One contract for both counters; then what each alone must do: forget the oldest, and answer in time when Redis does not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from billing.db import counters
from billing.db.counters import Counters, MemoryCounters, RedisCounters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.redis_server import RedisServer

SECOND = 1_000_000_000
BOUND_SECONDS = 1
PATIENT_SECONDS = 10


@dataclass(slots=True)
class Stopwatch:
    """A monotonic clock that somebody winds."""

    at: int = field(default=5 * SECOND)

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.at


class CountersContract:
    """What every implementation does."""

    @pytest.fixture
    def counts(self) -> Counters:
        """An empty one."""
        raise NotImplementedError

    def test_adding_answers_with_the_count(self, counts: Counters) -> None:
        """Each key by itself, by any amount."""
        assert [counts.add("a", 1, 60), counts.add("a", 4, 60), counts.add("b", 2, 60)] == [1, 5, 2]

    def test_many_are_read_in_the_order_asked(self, counts: Counters) -> None:
        """What is not there counts nothing, and the same key may be asked twice."""
        counts.add("a", 3, 60)
        counts.add("b", 1, 60)

        assert counts.read(["b", "missing", "a", "b"]) == [1, 0, 3, 1]

    def test_reading_nothing_is_nothing(self, counts: Counters) -> None:
        """No key, no count."""
        assert counts.read([]) == []

    def test_reading_does_not_make_a_count(self, counts: Counters) -> None:
        """A key that was only read starts from nothing."""
        counts.read(["a"])

        assert counts.add("a", 1, 60) == 1


class TestMemoryCounters(CountersContract):
    """The counters of one process."""

    @pytest.fixture
    def counts(self) -> Counters:
        """Empty counters."""
        return MemoryCounters(Stopwatch())

    def test_a_life_is_counted_from_the_first_addition(self) -> None:
        """Adding does not lengthen it; at its end the count is gone and begins anew."""
        clock = Stopwatch()
        counts = MemoryCounters(clock)
        counts.add("a", 1, 10)
        clock.at += 9 * SECOND
        assert counts.add("a", 1, 10) == 2
        assert counts.read(["a"]) == [2]

        clock.at += 1 * SECOND

        assert counts.read(["a"]) == [0]
        assert counts.add("a", 1, 10) == 1
        clock.at += 9 * SECOND
        assert counts.read(["a"]) == [1]

    def test_memory_is_bounded_and_the_oldest_goes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A flood of keys costs no more than the bound."""
        monkeypatch.setattr(counters, "_MAX_KEYS", 3)
        counts = MemoryCounters(Stopwatch())
        for key in "abcd":
            counts.add(key, 1, 60)

        assert counts.read(list("abcd")) == [0, 1, 1, 1]
        assert len(counts._counts) == 3


@pytest.mark.servers
class TestRedisCounters(CountersContract):
    """The counters that many processes share."""

    @pytest.fixture
    def counts(self, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counters]:
        """Counters in an empty Redis, patient enough for a busy machine."""
        monkeypatch.setattr(counters, "_TIMEOUT_SECONDS", PATIENT_SECONDS)
        found = RedisCounters(redis_url)
        yield found
        assert found.failures == 0
        found.close()

    def test_a_life_is_counted_from_the_first_addition(self, counts: Counters, redis_url: str) -> None:
        """The first addition sets it, later ones leave it, and a count that lost its life gets one."""
        counts.add("a", 1, 100)
        counts.add("a", 1, 5000)
        with Redis.from_url(redis_url) as client:
            assert 0 < client.ttl("a") <= 100
            client.persist("a")
            counts.add("a", 1, 50)
            assert 0 < client.ttl("a") <= 50

    def test_processes_share_the_counts(self, counts: Counters, redis_url: str) -> None:
        """Two clients count as one, also after the server forgot the script."""
        other = RedisCounters(redis_url)
        counts.add("a", 1, 60)
        with Redis.from_url(redis_url) as client:
            client.script_flush()

        assert other.add("a", 1, 60) == 2
        assert counts.read(["a"]) == [2]
        other.close()

    def test_a_key_of_another_kind_counts_nothing(self, redis_url: str) -> None:
        """Redis refuses, the caller goes on, the failure is counted."""
        with Redis.from_url(redis_url) as client:
            client.rpush("a", "x")
        counts = RedisCounters(redis_url)

        assert counts.add("a", 1, 60) == 0
        assert counts.failures == 1
        counts.close()


@pytest.mark.servers
@pytest.mark.parametrize("trouble", ["stall", "stop"])
def test_counters_answer_in_time_when_redis_does_not(own_redis: RedisServer, trouble: str) -> None:
    """A stuck or dead server costs a bounded time and reads as nothing; every such answer is counted."""
    counts = RedisCounters(own_redis.url)
    counts.add("a", 7, 60)
    getattr(own_redis, trouble)()
    failures = counts.failures

    started = time.monotonic()
    answers = [counts.add("a", 1, 60), *counts.read(["a", "b"])]
    spent = time.monotonic() - started

    assert answers == [0, 0, 0]
    assert counts.failures == failures + 2
    assert spent < BOUND_SECONDS
    counts.close()


@pytest.mark.servers
def test_counters_recover_with_redis(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a stuck server goes on, so does the counting; what was asked while it was stuck is a hint that may be lost."""
    monkeypatch.setattr(counters, "_TIMEOUT_SECONDS", BOUND_SECONDS / 2)
    counts = RedisCounters(own_redis.url)
    counts.add("a", 7, 60)
    own_redis.stall()
    assert counts.read(["a"]) == [0]

    own_redis.resume()
    with Redis.from_url(own_redis.url) as client:
        client.ping()

    assert counts.read(["a"]) == [7]
    assert counts.failures == 1
    counts.close()
