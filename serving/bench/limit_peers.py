"""Who is measured as a limiter: one raw script call, the libraries `limits` and `throttled-py`, and ours in Redis, in SQL and in memory.

Each is a coroutine that decides a call of a subject under the first of its limits or under all three, and tells whether it may pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.kernel.clock import SystemClock
from billing.kernel.errors import InvalidError
from billing.ratelimits.call import Call
from billing.ratelimits.limit import PER_US, Kind, Limit
from billing.ratelimits.memory import MemoryLimiter
from billing.ratelimits.sql import SqlLimiter
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from serving.limits.guard import GuardedLimiter
from serving.limits.redis_limiter import RedisLimiter
from serving.limits.service import Limits
from serving.limits.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    Ask = Callable[[str], Awaitable[bool]]

SPANS = ("second", "minute", "hour")
_PATIENT = 5.0
_FEW = 1000
_GCRA = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
if at - now > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', 60000)
return 1
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """`open_for` makes its `Ask` for an amount and a number of limits."""

    name: str
    store: str
    open_for: Callable[[int, int], Ask]

    @property
    def is_ours(self) -> bool:
        """Who is ours has to be exact."""
        return self.name.startswith("Uptier")


def of_redis(url: str, stack: AsyncExitStack) -> list[Peer]:
    """Everybody who counts in Redis."""
    return [
        Peer("raw EVALSHA a limit", "redis", lambda amount, count: _raw(url, stack, amount, count)),
        *(Peer(f"limits {kind}", "redis", _of_limits(url, kind)) for kind in ("fixed", "moving", "sliding")),
        Peer("throttled gcra", "redis", _of_throttled(url)),
        Peer("Uptier", "redis", lambda amount, count: _ours_in_redis(url, stack, amount, count)),
    ]


def of_database(url: str, redis_url: str, stack: AsyncExitStack) -> list[Peer]:
    """Ours in a database: rates by one statement or under locks, and as served with a quota there and the rates in Redis."""
    upgrade(url)
    database = Database(url)
    stack.callback(database.close)
    tenant = open_tenant(
        database, name="Bench", currency="EUR", zone="UTC", mode=Mode.TEST, now=SystemClock().now(), origins=[]
    ).tenant.id
    store = database.engine.dialect.name

    def asking(amount: int, count: int, *, quickly: bool) -> Ask:
        together = Together(SqlLimiter(database, in_one_statement=quickly), writers=1 if database.is_sqlite else 4)
        stack.callback(together.close)
        return _passing(together.decide, _rates(amount, count), tenant, whose="fast:" if quickly else "locked:")

    def served(amount: int, count: int) -> Ask:
        rates = GuardedLimiter(RedisLimiter(redis_url, budget_seconds=_PATIENT), _microseconds)
        stack.push_async_callback(rates.close)
        together = Together(SqlLimiter(database), writers=1 if database.is_sqlite else 4)
        stack.callback(together.close)
        quota = Limit(name="period", kind=Kind.QUOTA, amount=amount, windows=(0, 2**52))
        return _passing(Limits(together, rates).decide, (*_rates(amount, count)[1:], quota), tenant)

    found = [
        Peer("Uptier", store, lambda amount, count: asking(amount, count, quickly=True)),
        Peer("Uptier, locks only", store, lambda amount, count: asking(amount, count, quickly=False)),
    ]
    if redis_url:
        found.append(Peer("Uptier, a quota of them", f"{store} + redis", served))
    return found


def of_memory() -> list[Peer]:
    """Ours in the process."""

    def asking(amount: int, count: int) -> Ask:
        limiter, limits = MemoryLimiter(_microseconds), _rates(amount, count)

        async def ask(subject: str) -> bool:
            return limiter.decide([Call(tenant="bench", subject=subject, limits=limits)])[0].allowed

        return ask

    return [Peer("Uptier", "memory", asking)]


def _microseconds() -> int:
    return time.time_ns() // 1000


def _rates(amount: int, count: int) -> tuple[Limit, ...]:
    """A month for each unit is long enough for the burst to be all that passes while it is counted; plenty comes back by the second."""
    per = PER_US["month"] if amount <= _FEW else 0
    return tuple(
        [
            Limit(name=span, kind=Kind.RATE, amount=1 if per else amount, per_us=per or PER_US[span], burst=amount)
            for span in SPANS[:count]
        ]
    )


def _passing(
    decide: Callable[[Call], Awaitable[Any]], limits: tuple[Limit, ...], tenant: str, *, whose: str = ""
) -> Ask:
    async def ask(subject: str) -> bool:
        return bool((await decide(Call(tenant=tenant, subject=whose + subject, limits=limits))).allowed)

    return ask


def _ours_in_redis(url: str, stack: AsyncExitStack, amount: int, count: int) -> Ask:
    guarded = GuardedLimiter(RedisLimiter(url, budget_seconds=_PATIENT), _microseconds)
    stack.push_async_callback(guarded.close)
    return _passing(guarded.decide, _rates(amount, count), "bench")


def _raw(url: str, stack: AsyncExitStack, amount: int, count: int) -> Ask:
    from redis.asyncio import Redis  # noqa: PLC0415 (only the benchmark speaks to Redis by the general client)

    client: Any = Redis.from_url(url, max_connections=64)
    stack.push_async_callback(client.aclose)
    script = client.register_script(_GCRA)

    async def ask(subject: str) -> bool:
        passes = True
        for place in range(count):
            arguments = [PER_US["month"] // amount, PER_US["month"]]
            passes = bool(await script(keys=[f"raw:{amount}:{count}:{place}:{subject}"], args=arguments)) and passes
        return passes

    return ask


def _of_limits(url: str, kind: str) -> Callable[[int, int], Ask]:
    def open_for(amount: int, count: int) -> Ask:
        try:
            from limits import RateLimitItemPerMonth  # noqa: PLC0415 (a development dependency)
            from limits.aio import strategies  # noqa: PLC0415 (as above)
            from limits.aio.storage import RedisStorage  # noqa: PLC0415 (as above)
        except ImportError as error:
            raise InvalidError("the benchmark needs the development dependencies: make venv") from error
        names = {"fixed": "FixedWindow", "moving": "MovingWindow", "sliding": "SlidingWindowCounter"}
        address = url.replace("unix://", "async+redis+unix://").replace("redis://", "async+redis://")
        strategy: Any = getattr(strategies, f"{names[kind]}RateLimiter")(
            RedisStorage(address, implementation="redispy")
        )
        items = [RateLimitItemPerMonth(amount, place + 1) for place in range(count)]

        async def ask(subject: str) -> bool:
            passes = True
            for item in items:
                passes = await strategy.hit(item, kind, str(amount), str(count), subject) and passes
            return passes

        return ask

    return open_for


def _of_throttled(url: str) -> Callable[[int, int], Ask]:
    def open_for(amount: int, count: int) -> Ask:
        try:
            from throttled import asyncio as throttled  # noqa: PLC0415 (a development dependency)
        except ImportError as error:
            raise InvalidError("the benchmark needs the development dependencies: make venv") from error
        store = throttled.RedisStore(server=url)
        limiters = [
            throttled.Throttled(
                using="gcra",
                quota=throttled.per_week(amount, burst=amount),
                store=store,
                key_prefix=f"throttled:{amount}:{count}:{place}",
            )
            for place in range(count)
        ]

        async def ask(subject: str) -> bool:
            passes = True
            for limiter in limiters:
                passes = not (await limiter.limit(subject)).limited and passes
            return passes

        return ask

    return open_for
