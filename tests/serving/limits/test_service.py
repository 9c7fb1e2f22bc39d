"""Rates in Redis and quotas in the database, decided as one: all or nothing, nothing lost with Redis, nobody held up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from billing.ratelimits.call import Call, Settlement
from billing.ratelimits.limit import PER_US, Kind, Limit, Mode
from billing.ratelimits.sql import SqlLimiter
from serving.limits.guard import GuardedLimiter
from serving.limits.redis_limiter import RedisLimiter
from serving.limits.service import Limits
from serving.limits.together import Together
from tests.serving.limits.limiters import PATIENT, machine_microseconds
from tests.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from billing.db.session import Database, Unit
    from billing.ratelimits.decide import Decision
    from tests.servers.redis_server import RedisServer

EVER = (0, 2**52)
RATE = Limit(name="rate", kind=Kind.RATE, amount=1, per_us=PER_US["month"], burst=10)
FLIGHT = Limit(name="flight", kind=Kind.CONCURRENCY, amount=4)
QUOTA = Limit(name="quota", kind=Kind.QUOTA, amount=6, windows=EVER)


def _run(
    database: Database,
    url: str,
    work: Callable[[Limits, str, GuardedLimiter], Awaitable[None]],
    *,
    hearer: object = None,
) -> None:
    tenant = open_shop(database).scope.tenant_id

    async def inside() -> None:
        rates = GuardedLimiter(RedisLimiter(url, budget_seconds=PATIENT), machine_microseconds)
        limits = Limits(Together(SqlLimiter(database, hearer), writers=1), rates)  # type: ignore[arg-type]
        await work(limits, tenant, rates)
        await limits.close()

    asyncio.run(inside())


def _left(decision: Decision) -> dict[str, int]:
    return {each.limit.name: each.remaining for each in decision.verdicts}


@pytest.mark.servers
def test_what_one_refuses_takes_nothing_from_the_other(database: Database, redis_url: str) -> None:
    """Whichever of them refuses; and verdicts stand in the order that was asked."""

    async def work(limits: Limits, tenant: str, _rates: GuardedLimiter) -> None:
        both = (QUOTA, RATE)
        first = await limits.decide(Call(tenant=tenant, subject="ann", limits=both, cost=5))
        assert first.allowed
        assert _left(first) == {"quota": 1, "rate": 5}
        by_quota = await limits.decide(Call(tenant=tenant, subject="ann", limits=both, cost=2))
        assert (by_quota.allowed, by_quota.violated) == (False, ("quota",))
        assert _left(by_quota) == {"quota": 1, "rate": 5}
        by_rate = await limits.decide(Call(tenant=tenant, subject="ann", limits=both, cost=7))
        assert not by_rate.allowed
        assert set(by_rate.violated) == {"quota", "rate"}
        assert _left(await limits.decide(Call(tenant=tenant, subject="ann", limits=both, cost=0))) == {
            "quota": 1,
            "rate": 5,
        }
        assert (await limits.decide(Call(tenant=tenant, subject="ann", limits=both))).allowed

    _run(database, redis_url, work)


@pytest.mark.servers
def test_a_refused_call_leaves_no_call_in_flight(database: Database, redis_url: str) -> None:
    """The lease that Redis lent is ended when the quota refuses; one that was let through is settled in both."""

    async def work(limits: Limits, tenant: str, _rates: GuardedLimiter) -> None:
        every = (FLIGHT, RATE, QUOTA)
        for number in range(3):
            refused = await limits.decide(Call(tenant=tenant, subject="ann", limits=every, cost=7, lease=f"no{number}"))
            assert not refused.allowed
            assert refused.lease == ""
        taken = await limits.decide(Call(tenant=tenant, subject="ann", limits=every, cost=6, lease="yes"))
        assert _left(taken) == {"flight": 3, "rate": 4, "quota": 0}
        settlement = Settlement(tenant=tenant, subject="ann", limits=every, lease="yes", reserved=6, actual=2)
        assert await limits.settle(settlement)
        assert not await limits.settle(settlement)
        peeked = await limits.decide(Call(tenant=tenant, subject="ann", limits=every, cost=0))
        assert _left(peeked) == {"flight": 4, "rate": 8, "quota": 4}

    _run(database, redis_url, work)


@pytest.mark.servers
def test_nothing_of_a_quota_is_lost_with_redis(database: Database, redis_url: str) -> None:
    """Redis is emptied after each call: exactly as many pass as the quota has."""

    async def work(limits: Limits, tenant: str, _rates: GuardedLimiter) -> None:
        passed = 0
        with Redis.from_url(redis_url) as client:
            for _ in range(12):
                passed += (await limits.decide(Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA)))).allowed
                client.flushall()
        assert passed == 6

    _run(database, redis_url, work)


@pytest.mark.servers
def test_many_callers_under_both(database: Database, redis_url: str) -> None:
    """64 at once, exactly as many as the tighter one has, and the wider one counts no more than passed."""

    async def work(limits: Limits, tenant: str, _rates: GuardedLimiter) -> None:
        call = Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA))
        found = await asyncio.gather(*(limits.decide(call) for _ in range(64)))
        assert sum(each.allowed for each in found) <= 6
        while (await limits.decide(call)).allowed:
            pass
        assert _left(await limits.decide(Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA), cost=0))) == {
            "quota": 0,
            "rate": 4,
        }

    _run(database, redis_url, work)


class _Failing:
    """A hearer that fails once, as a database does."""

    def __init__(self) -> None:
        self.fails = True

    def decided(self, _unit: Unit, call: Call, _decision: Decision) -> None:
        """Fail the first call that would be counted."""
        if self.fails and call.cost:
            self.fails = False
            raise OSError("gone")

    def settled(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.servers
def test_a_failed_count_gives_the_rate_back(database: Database, redis_url: str) -> None:
    """The caller sees the failure, and neither limit has taken anything."""

    async def work(limits: Limits, tenant: str, _rates: GuardedLimiter) -> None:
        with pytest.raises(OSError, match="gone"):
            await limits.decide(Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA), cost=3))
        assert _left(await limits.decide(Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA), cost=0))) == {
            "quota": 6,
            "rate": 10,
        }

    _run(database, redis_url, work, hearer=_Failing())


@pytest.mark.servers
def test_quotas_stay_exact_while_redis_is_away(sqlite_database: Database, own_redis: RedisServer) -> None:
    """A stalled server: answers within 100 ms, rates by the local share, quotas to the last unit; afterwards the breaker is closed."""
    tenant = open_shop(sqlite_database).scope.tenant_id

    async def inside() -> None:
        rates = GuardedLimiter(RedisLimiter(own_redis.url), machine_microseconds)
        limits = Limits(Together(SqlLimiter(sqlite_database)), rates)
        call = Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA))
        peek = Call(tenant=tenant, subject="ann", limits=(RATE, QUOTA), cost=0)
        rates.breaker.open_us = 0
        while (await limits.decide(peek)).source != "exact":
            pass  # the first connection of a busy machine
        rates.breaker.open_us = 60_000_000
        assert (await limits.decide(call)).allowed
        own_redis.stall()
        started = time.perf_counter()
        noticed = await rates.decide(Call(tenant=tenant, subject="ann", limits=(RATE,), cost=0))
        assert time.perf_counter() - started < 0.1
        assert noticed.source == "local"
        found = await asyncio.gather(*(limits.decide(call) for _ in range(20)))
        used = (await limits.decide(peek)).verdicts[1].used
        assert used == 1 + sum(each.allowed for each in found) <= 6
        own_redis.resume()
        rates.breaker.open_us = 0
        for _ in range(200):
            if (await limits.decide(peek)).source == "exact":
                break
        assert rates.breaker.opened_at is None
        for _ in range(50):  # a caller by itself, again and again
            assert (await asyncio.wait_for(limits.decide(peek), 5)).verdicts[1].used == used
        await limits.close()

    asyncio.run(inside())


def test_a_lone_caller_is_never_left_waiting(database: Database) -> None:
    """One call after the other, with calls that fail among them; then many whose waiting is given up."""
    tenant = open_shop(database).scope.tenant_id

    async def inside() -> None:
        together = Together(SqlLimiter(database), writers=1)
        quota = Limit(name="quota", kind=Kind.QUOTA, amount=1000, windows=EVER, mode=Mode.OVERAGE)
        for number in range(20):
            stranger = number % 3 == 2
            call = Call(tenant="ten_nobody" if stranger else tenant, subject="ann", limits=(quota,))
            try:
                await asyncio.wait_for(together.decide(call), 20)
            except Exception:  # noqa: BLE001 (a tenant that is not there is refused by a key)
                assert stranger
        tasks = [
            asyncio.ensure_future(together.decide(Call(tenant=tenant, subject="ann", limits=(quota,))))
            for _ in range(30)
        ]
        await asyncio.sleep(0)
        for task in tasks[:20]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        last = await asyncio.wait_for(together.decide(Call(tenant=tenant, subject="ann", limits=(quota,), cost=0)), 20)
        assert 14 + 10 <= last.verdicts[0].used <= 14 + 30
        together.close()

    asyncio.run(inside())


def test_one_service_works_in_one_event_loop_after_the_other(sqlite_database: Database) -> None:
    """Even where a loop ends while its call is being decided, the next loop's callers are answered."""
    tenant = open_shop(sqlite_database).scope.tenant_id
    together = Together(SqlLimiter(sqlite_database))
    call = Call(tenant=tenant, subject="ann", limits=(Limit(name="quota", kind=Kind.QUOTA, amount=1000, windows=EVER),))

    async def leave() -> None:
        asyncio.ensure_future(together.decide(call)).add_done_callback(lambda _: None)
        await asyncio.sleep(0)

    async def stay() -> bool:
        return (await asyncio.wait_for(together.decide(call), 20)).allowed

    for _ in range(5):
        asyncio.run(leave())
        assert asyncio.run(stay())
    together.close()
