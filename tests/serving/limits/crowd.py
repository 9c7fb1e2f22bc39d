"""A process full of callers, for tests that let several of them at one limit: each with a machine clock of its own making."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

from billing.db.session import Database
from billing.ratelimits.call import Call, Limiter
from billing.ratelimits.limit import PER_US, Kind, Limit
from billing.ratelimits.sql import SqlLimiter
from billing.tenants.store import TenantStore
from serving.limits.redis_limiter import RedisLimiter

TASKS = 64
TRIES = 4
EVER = (0, 2**52)
NEEDED = (TenantStore,)
"""A bucket's row points at the table of tenants, which has to be known to the process."""


def crowd_call(tenant: str, amount: int, count: int = 2) -> Call:
    """A call under a quota and a rate of the same amount, which gives one more a month; or under the first of them alone."""
    limits = (
        Limit(name="quota", kind=Kind.QUOTA, amount=amount, windows=EVER),
        Limit(name="rate", kind=Kind.RATE, amount=1, per_us=PER_US["month"], burst=amount),
    )
    return Call(tenant=tenant, subject="ann", limits=limits[:count])


def crowds(url: str, tenant: str, amount: int, skews: tuple[int, ...], count: int = 2) -> int:
    """How many calls the crowds of several processes, their clocks apart by so many seconds, got through together."""
    with ProcessPoolExecutor(len(skews), mp_context=get_context("spawn")) as processes:
        jobs = [processes.submit(crowd, url, tenant, amount, skew, count) for skew in skews]
        return sum(job.result(timeout=120) for job in jobs)


def crowd(url: str, tenant: str, amount: int, skew_seconds: int, count: int = 2) -> int:
    """How many calls of 64 callers got through; with Redis the scripts are flushed in the middle."""
    _move_clock(skew_seconds)
    call = crowd_call(tenant, amount, count)
    if url.startswith(("redis", "unix")):
        return asyncio.run(_in_redis(url, call))
    database = Database(url)
    try:
        return in_threads(SqlLimiter(database), call)
    finally:
        database.close()


def in_threads(limiter: Limiter, call: Call) -> int:
    """How many calls of 64 threads got through."""

    def tries(_number: int) -> int:
        return sum(limiter.decide([call])[0].allowed for _ in range(TRIES))

    with ThreadPoolExecutor(TASKS) as threads:
        return sum(threads.map(tries, range(TASKS)))


async def _in_redis(url: str, call: Call) -> int:
    limiter = RedisLimiter(url, budget_seconds=20)

    async def tries(number: int) -> int:
        passed = 0
        for turn in range(TRIES):
            if number == turn:
                await limiter.forget_script()
            passed += (await limiter.decide(call)).allowed
        return passed

    try:
        return sum(await asyncio.gather(*(tries(number) for number in range(TASKS))))
    finally:
        await limiter.close()


def _move_clock(seconds: int) -> None:
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + seconds * 1_000_000_000
