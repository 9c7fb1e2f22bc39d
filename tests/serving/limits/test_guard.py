"""A stalled Redis holds nobody up: it is noticed at once, rates stay bounded, log-in stays shut."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from billing.ratelimits.call import Call
from billing.ratelimits.limit import PER_US, Kind, Limit
from serving.limits.guard import Breaker, GuardedLimiter
from serving.limits.headers import limit_headers
from serving.limits.redis_limiter import LimiterAwayError, RedisLimiter
from serving.telemetry import REGISTRY
from tests.serving.limits.limiters import PATIENT, machine_microseconds

if TYPE_CHECKING:
    from tests.servers.redis_server import RedisServer

RATE = Limit(name="rate", kind=Kind.RATE, amount=10, per_us=PER_US["month"])
QUOTA = Limit(name="quota", kind=Kind.QUOTA, amount=3, windows=(0, 2**52))


def _call(*limits: Limit, cost: int = 1) -> Call:
    return Call(tenant="ten_1", subject="ann", limits=limits, cost=cost)


def _fallbacks() -> float:
    return REGISTRY.get_sample_value("uptier_fallbacks_total", {"part": "rate_limits"}) or 0.0


@pytest.mark.servers
def test_a_stalled_server_is_noticed_and_made_up_for(own_redis: RedisServer) -> None:
    """Stopped for good measure by SIGSTOP, then resumed."""
    asyncio.run(_stalled(own_redis))


async def _stalled(server: RedisServer) -> None:
    shared = RedisLimiter(server.url)
    guard = GuardedLimiter(shared, machine_microseconds, instances=2)
    guard.breaker.open_us = 0
    while (await guard.decide(_call(RATE, cost=0))).source != "exact":
        pass  # the first connection of a busy machine
    guard.breaker.open_us = 60_000_000
    before = _fallbacks()
    server.stall()
    started = time.perf_counter()
    found = await asyncio.gather(*(guard.decide(_call(RATE)) for _ in range(20)))
    noticed = time.perf_counter() - started
    assert noticed < 0.1
    assert sum(each.allowed for each in found) == 5, "half of the burst, since two share the load"
    assert {each.source for each in found} == {"local"}
    started = time.perf_counter()
    with pytest.raises(LimiterAwayError):
        await guard.decide(_call(RATE), closed_when_away=True)
    assert time.perf_counter() - started < 0.05
    assert _fallbacks() == before + 21
    server.resume()
    guard.breaker.open_us = 0
    for _ in range(200):
        if (await guard.decide(_call(RATE, cost=0))).source == "exact":
            break
    assert guard.breaker.opened_at is None
    for _ in range(30):
        assert (await asyncio.wait_for(guard.decide(_call(RATE, cost=0)), 1)).source == "exact"
    await shared.close()


@pytest.mark.servers
def test_a_caller_who_gives_up_holds_nobody_up(redis_url: str) -> None:
    """Callers that are cancelled while they wait, before and after others: whoever comes next, alone, is answered."""

    async def inside() -> None:
        shared = RedisLimiter(redis_url, budget_seconds=PATIENT)
        for _ in range(20):
            tasks = [asyncio.ensure_future(shared.decide(_call(RATE, cost=0))) for _ in range(9)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.wait_for(shared.decide(_call(RATE, cost=0)), PATIENT)
            await asyncio.gather(*tasks, return_exceptions=True)
        await shared.close()

    asyncio.run(inside())


@pytest.mark.servers
def test_one_limiter_serves_one_event_loop_after_the_other(redis_url: str) -> None:
    """A connection of a loop that has ended is not asked again."""
    shared = RedisLimiter(redis_url, budget_seconds=PATIENT)

    async def once() -> bool:
        return (await shared.decide(_call(RATE))).allowed

    assert [asyncio.run(once()) for _ in range(3)] == [True] * 3


@pytest.mark.servers
def test_a_server_that_ends_is_noticed_and_its_successor_found(own_redis: RedisServer) -> None:
    """Connections that were cut are opened again, in the next call at the latest."""

    async def inside() -> None:
        shared = RedisLimiter(own_redis.url, budget_seconds=PATIENT)
        assert (await shared.decide(_call(RATE))).allowed
        with Redis.from_url(own_redis.url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0)
        for _ in range(2):
            with suppress(LimiterAwayError):
                await shared.decide(_call(RATE, cost=0))
        assert (await shared.decide(_call(RATE, cost=0))).source == "exact"
        own_redis.stop()
        with pytest.raises(LimiterAwayError):
            await shared.decide(_call(RATE))
        await shared.close()

    asyncio.run(inside())


@pytest.mark.servers
def test_what_is_no_redis_is_away(redis_url: str) -> None:
    """A refused connection fails at once, a database that is not there too."""

    async def inside() -> None:
        for url in ("redis://127.0.0.1:1/0", f"{redis_url}?db=9999"):
            shared = RedisLimiter(url, budget_seconds=PATIENT)
            with pytest.raises(LimiterAwayError):
                await shared.decide(_call(RATE))
            await shared.close()

    asyncio.run(inside())


def test_one_caller_at_a_time_tries_an_open_breaker() -> None:
    """It opens at a failure, lets one through after its time, and closes when that one worked."""
    breaker = Breaker(open_us=10)
    assert breaker.lets_through(0)
    breaker.failed(0)
    assert [breaker.lets_through(at) for at in (1, 9, 10, 11, 19, 20)] == [False, False, True, False, False, True]
    assert breaker.worked()
    assert breaker.lets_through(21)


def test_answers_speak_of_every_limit() -> None:
    """Both draft fields, the older ones of the tightest limit, and a wait that is not too short."""
    from billing.ratelimits.decide import EMPTY, decide  # noqa: PLC0415 (only here)

    minute = Limit(name='per "minute"', kind=Kind.RATE, amount=2, per_us=PER_US["minute"])
    decision, states = decide([EMPTY, EMPTY], [minute, QUOTA], 2, 5_000_000)
    assert limit_headers(decision) == {
        "RateLimit-Policy": '"per \\"minute\\"";q=2;w=60, "quota";q=3;w=4503599628',
        "RateLimit": '"per \\"minute\\"";r=0;t=60, "quota";r=1;t=4503599623',
        "X-RateLimit-Limit": "2",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "60",
    }
    refused, _ = decide(states, [minute, QUOTA], 1, 5_500_000)
    assert limit_headers(refused)["Retry-After"] == "30"
