"""The three keepers of buckets behind one synchronous face, so that one suite holds for all of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from billing.ratelimits.memory import MemoryLimiter
from billing.ratelimits.sql import SqlLimiter
from serving.limits.redis_limiter import RedisLimiter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.ratelimits.call import Call, Limiter, Settlement
    from billing.ratelimits.decide import Decision

PATIENT = 20.0


class Redised:
    """The limiter in Redis with a loop of its own."""

    def __init__(self, url: str, budget_seconds: float = PATIENT) -> None:
        self.runner = asyncio.Runner()
        self.inner = RedisLimiter(url, budget_seconds=budget_seconds)

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions of one flush."""
        return self.runner.run(self.inner.decide_all(calls))

    def settle(self, settlement: Settlement) -> int | None:
        """Settle one call."""
        return self.runner.run(self._settle(settlement))

    async def _settle(self, settlement: Settlement) -> int | None:
        return await self.inner.settle(settlement)

    def close(self) -> None:
        """End the loop."""
        self.runner.run(self.inner.close())
        self.runner.close()


class Opened(Protocol):
    """What a limiter of a suite is made of."""

    limiter: Limiter
    tenant: str


def machine_microseconds() -> int:
    """The machine's clock."""
    return time.time_ns() // 1000


def in_memory() -> MemoryLimiter:
    """The limiter of this process."""
    return MemoryLimiter(machine_microseconds)


__all__ = ["Redised", "SqlLimiter", "in_memory", "machine_microseconds"]
