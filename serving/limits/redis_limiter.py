"""The limiter in Redis: waiting callers share a flush, a flush is one script call, and nobody waits longer than the budget."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from billing.kernel.errors import Kind, UptierError
from billing.ratelimits.decide import Decision
from serving.limits.script import DIGEST, SOURCE, keys_of, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from billing.ratelimits.call import Call, Settlement

BUDGET_SECONDS = 0.04
MOST_A_FLUSH = 256
MOST_WAITING = 20_000
_LANES = 2
Answer = Decision | int | None


class LimiterAwayError(UptierError):
    """The shared limiter did not answer in time."""

    code = "limiter_away"
    kind = Kind.UNAVAILABLE


class RedisLimiter:
    """Use from one event loop. A call whose answer is lost may have been counted; none is admitted twice for one count."""

    def __init__(self, url: str, *, budget_seconds: float = BUDGET_SECONDS) -> None:
        self._budget = budget_seconds
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_LANES,
            timeout=budget_seconds,
            socket_timeout=budget_seconds,
            socket_connect_timeout=budget_seconds,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )
        self._redis: Redis = Redis(connection_pool=pool)
        self._run_script: Callable[..., Awaitable[bytes]] = self._redis.execute_command
        self._waiting: list[tuple[Call | Settlement, asyncio.Future[Answer]]] = []
        self._lanes: set[asyncio.Task[None]] = set()
        self._running = 0

    async def decide(self, call: Call) -> Decision:
        """The decision, in the next flush; LimiterAwayError once the budget is spent."""
        found = await self._join(call)
        assert isinstance(found, Decision)  # noqa: S101 (a call is answered by a decision)
        return found

    async def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        found = await self._join(settlement)
        assert not isinstance(found, Decision)  # noqa: S101 (a settlement is answered by its instant)
        return found

    async def decide_all(self, calls: Sequence[Call]) -> list[Decision]:
        """Many decisions together, in order."""
        return list(await asyncio.gather(*(self.decide(call) for call in calls)))

    async def forget_script(self) -> None:
        """Flush the server's scripts, as a restart or a failover does."""
        await self._redis.script_flush()

    async def close(self) -> None:
        """Give the connections back; who still waits is told that the limiter is away."""
        for lane in list(self._lanes):
            lane.cancel()
            with suppress(asyncio.CancelledError):
                await lane
        self._fail(self._waiting)
        await self._redis.aclose()

    def _join(self, call: Call | Settlement) -> asyncio.Future[Answer]:
        if len(self._waiting) >= MOST_WAITING:
            raise LimiterAwayError("too many calls wait for the limiter")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        if self._running < (1 if len(self._waiting) < MOST_A_FLUSH else _LANES):
            self._running += 1
            lane = asyncio.create_task(self._run())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return future

    async def _run(self) -> None:
        try:
            await self._flush_waiting()
        finally:
            self._running -= (
                1  # in the same step as the last look at who waits, or the next to come would wait for nobody
            )

    async def _flush_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_A_FLUSH], self._waiting[MOST_A_FLUSH:]
            try:
                answers = await self._flush([call for call, _ in batch])
            except (RedisError, OSError, TimeoutError):
                self._fail(batch)
                continue
            except BaseException:
                self._fail(batch)
                raise
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _flush(self, calls: Sequence[Call | Settlement]) -> list[Answer]:
        keys = [key for call in calls for key in keys_of(call)]
        argument = packed(calls)
        async with asyncio.timeout(self._budget):
            try:
                answer = await self._run_script("EVALSHA", DIGEST, len(keys), *keys, argument)
            except NoScriptError:  # flushed, or another server: nothing ran, so nothing was counted
                answer = await self._run_script("EVAL", SOURCE, len(keys), *keys, argument)
        return unpacked(answer, calls)

    @staticmethod
    def _fail(batch: Sequence[tuple[Call | Settlement, asyncio.Future[Answer]]]) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(LimiterAwayError("the shared limiter did not answer in time"))
