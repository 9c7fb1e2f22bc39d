"""Callers of the database's limiter that wait share a transaction: one commit, and on disk one write, for all who came meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from billing.kernel.errors import Kind, UptierError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision
    from billing.ratelimits.sql import SqlLimiter

MOST_TOGETHER = 200
MOST_WAITING = 10_000
_Waiting = tuple["Call", "asyncio.Future[Decision]"]


class LimiterFullError(UptierError):
    """More calls wait for the database than are taken at once."""

    code = "limiter_full"
    kind = Kind.UNAVAILABLE


class Together:
    """An asynchronous face of the database's limiter. `writers` is how many transactions run at once: on SQLite one can."""

    def __init__(self, limiter: SqlLimiter, *, writers: int = 1) -> None:
        self._limiter = limiter
        self._threads = ThreadPoolExecutor(writers, thread_name_prefix="limits")
        self._writers = self._idle = writers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Waiting] = []

    async def decide(self, call: Call) -> Decision:
        """The decision, after the commit that keeps it."""
        if len(self._waiting) >= MOST_WAITING:
            raise LimiterFullError("too many calls wait for the limiter; try again in a moment", waiting=MOST_WAITING)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # nobody of the last loop can wait any more
            self._loop, self._waiting, self._idle = loop, [], self._writers
        future: asyncio.Future[Decision] = loop.create_future()
        self._waiting.append((call, future))
        self._start(loop)
        return await future

    async def peek(self, call: Call) -> Decision:
        """What the limits say to a call that is refused in any case."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._limiter.peek, call)

    async def settle(self, settlement: Settlement) -> int | None:
        """Replace a reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._limiter.settle, settlement)

    def close(self) -> None:
        """Return when what was begun is done."""
        self._threads.shutdown()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._waiting or not self._idle:
            return
        self._idle -= 1
        batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        job = self._threads.submit(self._decided, [call for call, _ in batch])
        job.add_done_callback(lambda done: self._hand_over(loop, batch, done))

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiting], done: Future[list[Decision | Exception]]
    ) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(self._finish, loop, batch, done.result())

    def _finish(
        self, loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiting], answers: Sequence[Decision | Exception]
    ) -> None:
        if loop is not self._loop:
            return
        self._idle += 1  # before anybody is answered, so that nobody can wait for a writer that is not coming
        self._start(loop)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _decided(self, calls: Sequence[Call]) -> list[Decision | Exception]:
        """The decisions; where the batch fails, each call by itself, so that no call suffers for another."""
        try:
            return list(self._limiter.decide(calls))
        except Exception as error:  # noqa: BLE001 (the caller whose call it is gets it)
            if len(calls) == 1:
                return [error]
        return [answer for call in calls for answer in self._decided([call])]
