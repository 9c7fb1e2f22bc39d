"""The limits of an installation behind one face: rates and calls in flight in Redis where there is one, quotas always in the database.

A quota is money, so its count must outlive Redis. It could be counted in Redis and written down a little later; then whatever was let
through since the last writing could be let through again after a loss, and a customer would be billed for less than they used. In the
database nothing of it is lost, whatever happens to Redis: the bound is zero. The price is a commit, shared by all callers that wait.

A call under both is decided in Redis first. Where the database then refuses, Redis is given back what the call took, so that a refused
call has consumed nothing once it is answered; for the millisecond between, the room that it held is not there for others. A process that
dies in between leaves units of a rate behind, which drain by themselves, and never a unit of a quota. While Redis is away each process
keeps its part of the rates (see `guard`); quotas stay exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.ratelimits.call import Call, Settlement
from billing.ratelimits.decide import Decision
from billing.ratelimits.limit import Kind, Mode
from billing.ratelimits.sql import SqlLimiter
from serving.limits.facts import Facts
from serving.limits.guard import GuardedLimiter
from serving.limits.redis_limiter import RedisLimiter
from serving.limits.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.session import Database
    from billing.ratelimits.decide import Verdict
    from serving.settings import Settings

_WRITERS = 4


class Limits:
    """Decides calls; `rates` is None where there is no Redis, and the database then decides everything."""

    def __init__(self, quotas: Together, rates: GuardedLimiter | None = None) -> None:
        self._quotas = quotas
        self._rates = rates

    async def decide(self, call: Call) -> Decision:
        """Whether the call may be made: every limit has taken its cost, or none has."""
        rates = self._rates
        if rates is None:
            return await self._quotas.decide(call)
        quick, slow = _parts(call)
        if slow is None:
            return await rates.decide(call)
        if quick is None:
            return await self._quotas.decide(call)
        first = await rates.decide(quick)
        if not first.allowed:
            return _joined(call, first, await self._quotas.peek(slow))
        try:
            second = await self._quotas.decide(slow)
        except BaseException:
            await self._give_back(quick, first)
            raise
        if not second.allowed:
            await self._give_back(quick, first)
            first = await rates.decide(replace(quick, cost=0, lease=""))
        return _joined(call, first, second)

    async def settle(self, settlement: Settlement) -> bool:
        """Replace the reserved cost of a call by the actual one and end its lease; whether there was anything to settle."""
        found = [await self._quotas.settle(settlement)] if self._rates is None else []
        if self._rates is not None:
            quick, slow = _settled_parts(settlement)
            found += [await self._quotas.settle(slow)] if slow is not None else []
            found += [await self._rates.settle(quick)] if quick is not None else []
        return any(each is not None for each in found)

    async def close(self) -> None:
        """Give connections and threads back."""
        self._quotas.close()
        if self._rates is not None:
            await self._rates.close()

    async def _give_back(self, call: Call, decision: Decision) -> None:
        assert self._rates is not None  # noqa: S101 (something was taken there)
        exceeded = {each.limit.name for each in decision.verdicts if each.exceeded and each.limit.mode is Mode.SHADOW}
        taken = tuple([limit for limit in call.limits if limit.name not in exceeded])
        resets = {each.limit.name: each.reset_us for each in decision.verdicts}
        if not call.cost or not taken:
            return
        settlement = Settlement(
            tenant=call.tenant,
            subject=call.subject,
            limits=taken,
            lease=call.lease,
            reserved=call.cost,
            actual=0,
            since=decision.now,
            resets=tuple([resets[limit.name] for limit in taken]),
        )
        await self._rates.settle(settlement, source=decision.source)


def open_limits(settings: Settings, database: Database, microseconds: Callable[[], int]) -> Limits:
    """The limits on what the settings name."""
    quotas = Together(SqlLimiter(database, Facts()), writers=1 if database.is_sqlite else _WRITERS)
    if not settings.redis_url:
        return Limits(quotas)
    shared = RedisLimiter(settings.redis_url)
    return Limits(quotas, GuardedLimiter(shared, microseconds, instances=settings.instances))


def _parts(call: Call) -> tuple[Call | None, Call | None]:
    """The call under what Redis keeps, and under what the database does."""
    slow = tuple([limit for limit in call.limits if limit.kind is Kind.QUOTA])
    if not slow:
        return call, None
    quick = tuple([limit for limit in call.limits if limit.kind is not Kind.QUOTA])
    return (replace(call, limits=quick) if quick else None), replace(call, limits=slow)


def _settled_parts(settlement: Settlement) -> tuple[Settlement | None, Settlement | None]:
    slow = tuple([limit for limit in settlement.limits if limit.kind is Kind.QUOTA])
    quick = tuple([limit for limit in settlement.limits if limit.kind is not Kind.QUOTA])
    return (replace(settlement, limits=quick) if quick else None), (replace(settlement, limits=slow) if slow else None)


def _joined(call: Call, rates: Decision, quotas: Decision) -> Decision:
    verdicts: dict[str, Verdict] = {each.limit.name: each for each in (*rates.verdicts, *quotas.verdicts)}
    return Decision(
        allowed=rates.allowed and quotas.allowed,
        cost=call.cost,
        now=quotas.now,
        verdicts=tuple([verdicts[limit.name] for limit in call.limits]),
        lease=quotas.lease if rates.allowed else "",
        source=rates.source,
    )
