"""What happens while the shared limiter is away: rates are kept locally in a fair share, quotas are counted later, log-in is shut.

The first failure opens the breaker; while it is open nobody waits for the shared limiter, and one caller at a time tries it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.ratelimits.limit import MOST_COST, Kind, Limit, Mode
from billing.ratelimits.memory import MemoryLimiter
from serving.limits.redis_limiter import LimiterAwayError, RedisLimiter
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision

OPEN_US = 1_000_000
MOST_SPOOLED = 50_000


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
    """The shared limiter behind a breaker. `instances` is how many processes share the load; each keeps its part of a rate."""

    def __init__(self, shared: RedisLimiter, microseconds: Callable[[], int], *, instances: int = 1) -> None:
        self._shared = shared
        self._microseconds = microseconds
        self._instances = max(1, instances)
        self._local = MemoryLimiter(microseconds)
        self.breaker = Breaker()
        self._spool: dict[tuple[str, str, str], tuple[Call, int]] = {}

    async def decide(self, call: Call, *, closed_when_away: bool = False) -> Decision:
        """The shared decision, or the local one while it is away; LimiterAwayError then for what must stay shut, such as log-in."""
        if self.breaker.lets_through(self._microseconds()):
            try:
                decision = await self._shared.decide(call)
            except LimiterAwayError:
                self.breaker.failed(self._microseconds())
            else:
                if self.breaker.worked() or self._spool:
                    await self.settle_spooled()
                return decision
        FALLBACKS.labels("rate_limits").inc()
        if closed_when_away:
            raise LimiterAwayError("attempts cannot be counted just now; try again in a moment")
        return self._alone(call)

    async def settle(self, settlement: Settlement) -> int | None:
        """Settle where the call was counted; while the shared limiter is away a lease there ends by itself."""
        if self._local.settle(settlement) is not None or not self.breaker.lets_through(self._microseconds()):
            return None
        try:
            return await self._shared.settle(settlement)
        except LimiterAwayError:
            self.breaker.failed(self._microseconds())
            return None

    async def settle_spooled(self) -> None:
        """Count what was let through meanwhile against the shared quotas, past them if need be."""
        while self._spool and self.breaker.opened_at is None:
            key, (call, cost) = next(iter(self._spool.items()))
            del self._spool[key]
            part = min(cost, MOST_COST)
            if cost > part:
                self._spool[key] = (call, cost - part)
            try:
                await self._shared.decide(replace(call, cost=part))
            except LimiterAwayError:
                self.breaker.failed(self._microseconds())
                kept = self._spool.get(key, (call, 0))[1]
                self._spool[key] = (call, kept + part)

    @property
    def spooled(self) -> int:
        """How much cost waits to be counted."""
        return sum(cost for _, cost in self._spool.values())

    def _alone(self, call: Call) -> Decision:
        scaled = tuple(self._share(limit) for limit in call.limits)
        [decision] = self._local.decide([replace(call, limits=scaled)])
        if decision.allowed and call.cost:
            for limit in call.limits:
                if limit.kind is Kind.QUOTA:
                    self._note(call, limit)
        return replace(decision, source="local")

    def _note(self, call: Call, limit: Limit) -> None:
        key = (call.tenant, call.subject, f"{limit.name}:{limit.windows[0]}")
        if key not in self._spool and len(self._spool) >= MOST_SPOOLED:
            FALLBACKS.labels("rate_limits_spool_full").inc()
            return
        counted = replace(limit, mode=Mode.OVERAGE)
        before = self._spool.get(key, (call, 0))[1]
        self._spool[key] = (replace(call, limits=(counted,), lease="", cost=0), before + limit.cost(call.cost))

    def _share(self, limit: Limit) -> Limit:
        if limit.kind is Kind.QUOTA:
            return replace(limit, mode=Mode.OVERAGE if limit.mode is not Mode.SHADOW else limit.mode)
        if limit.kind is Kind.CONCURRENCY:
            return replace(limit, amount=self._part(limit.amount))
        return replace(limit, per_us=limit.per_us * self._instances, burst=self._part(limit.units))

    def _part(self, units: int) -> int:
        return 0 if units == 0 else max(1, units // self._instances)
