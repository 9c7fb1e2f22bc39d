"""What happens while the shared limiter is away: rates are kept locally in a fair share, log-in is shut, and nobody waits.

The first failure opens the breaker; while it is open nobody waits for the shared limiter, and one caller at a time tries it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.ratelimits.limit import Kind, Limit
from billing.ratelimits.memory import MemoryLimiter
from serving.limits.redis_limiter import LimiterAwayError, RedisLimiter
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision

OPEN_US = 1_000_000
LOCAL = "local"


@dataclass(slots=True)
class Breaker:
    """Open for a while after a failure; then one try is let through, which closes it or opens it again."""

    open_us: int = OPEN_US
    opened_at: int | None = None

    def lets_through(self, now: int) -> bool:
        """Whether this call may try; the one that tries an open breaker opens it to nobody else."""
        if self.opened_at is None:
            return True
        if now - self.opened_at < self.open_us:
            return False
        self.opened_at = now
        return True

    def failed(self, now: int) -> None:
        """Open, from now."""
        self.opened_at = now

    def worked(self) -> bool:
        """Close; whether it was open."""
        was_open, self.opened_at = self.opened_at is not None, None
        return was_open


class GuardedLimiter:
    """The shared limiter of rates and calls in flight behind a breaker. `instances` is how many processes share the load.

    Meanwhile each keeps its part of a rate, so that together they admit about what the shared limiter would. Quotas are not for this one:
    they are money, and are decided where they cannot be lost.
    """

    def __init__(self, shared: RedisLimiter, microseconds: Callable[[], int], *, instances: int = 1) -> None:
        self._shared = shared
        self._microseconds = microseconds
        self._instances = max(1, instances)
        self._local = MemoryLimiter(microseconds)
        self.breaker = Breaker()

    async def decide(self, call: Call, *, closed_when_away: bool = False) -> Decision:
        """The shared decision, or the local one while it is away; LimiterAwayError then for what must stay shut, such as log-in."""
        if self.breaker.opened_at is None or self.breaker.lets_through(self._microseconds()):
            try:
                decision = await self._shared.decide(call)
            except LimiterAwayError:
                self.breaker.failed(self._microseconds())
            else:
                self.breaker.worked()
                return decision
        FALLBACKS.labels("rate_limits").inc()
        if closed_when_away:
            raise LimiterAwayError("attempts cannot be counted just now; try again in a moment")
        scaled = tuple([self._share(limit) for limit in call.limits])
        [decision] = self._local.decide([replace(call, limits=scaled)])
        return replace(decision, source=LOCAL)

    async def settle(self, settlement: Settlement, *, source: str = "") -> int | None:
        """Settle where the call was counted (`source`, of its decision; or look at both); a lease out of reach ends by itself."""
        if source in {"", LOCAL}:
            scaled = replace(settlement, limits=tuple([self._share(limit) for limit in settlement.limits]))
            found = self._local.settle(scaled)
            if found is not None or source == LOCAL:
                return found
        if not self.breaker.lets_through(self._microseconds()):
            return None
        try:
            found = await self._shared.settle(settlement)
        except LimiterAwayError:
            self.breaker.failed(self._microseconds())
            return None
        self.breaker.worked()
        return found

    async def close(self) -> None:
        """End the connection."""
        await self._shared.close()

    def _share(self, limit: Limit) -> Limit:
        if limit.kind is Kind.QUOTA:
            raise ValueError("a quota is decided by the database, not by a limiter that may be away")
        if limit.kind is Kind.CONCURRENCY:
            return replace(limit, amount=self._part(limit.amount))
        return replace(limit, per_us=limit.per_us * self._instances, burst=self._part(limit.units))

    def _part(self, units: int) -> int:
        return 0 if units == 0 else max(1, units // self._instances)
