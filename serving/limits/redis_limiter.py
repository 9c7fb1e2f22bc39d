"""The limiter in Redis: waiting callers share a flush, a flush is one script call, and nobody waits longer than the budget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from redis.exceptions import RedisError

from billing.kernel.errors import Kind, UptierError
from billing.ratelimits.decide import Decision
from serving.limits.script import asking, asking_in_full, read_answers
from serving.limits.wire import ReplyError, Wire, asked, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.ratelimits.call import Call, Settlement

BUDGET_SECONDS = 0.04
MOST_A_FLUSH = 256
MOST_WAITING = 20_000
_MOST_UNDER_WAY = 2
"""Flushes at once: while the server works on one, the answers of the other are handed out here."""

Answer: TypeAlias = "Decision | int | None"
Waiting: TypeAlias = "tuple[Call | Settlement, asyncio.Future[Answer]]"


class LimiterAwayError(UptierError):
    """The shared limiter did not answer in time."""

    code = "limiter_away"
    kind = Kind.UNAVAILABLE


class RedisLimiter:
    """Use from one event loop at a time. A call whose answer is lost may have been counted; none is admitted twice for one count.

    The server is one, or one with replicas: a flush holds calls of several tenants, which a cluster would keep apart.
    """

    def __init__(self, url: str, *, budget_seconds: float = BUDGET_SECONDS) -> None:
        self._url = url
        self._budget = budget_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[Waiting] = []
        self._since = 0.0
        self._is_due = False
        self._under_way = 0

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
        wire = await connect(self._url)
        try:
            await asked(wire, b"SCRIPT", b"FLUSH")
        finally:
            wire.end()

    async def close(self) -> None:
        """End the connection; who still waits is told that the limiter is away."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.end()
        self._fail(self._take_waiting(len(self._waiting)))
        await asyncio.sleep(0)

    def _join(self, call: Call | Settlement) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        if len(self._waiting) >= MOST_WAITING:
            raise LimiterAwayError("too many calls wait for the limiter")
        future: asyncio.Future[Answer] = loop.create_future()
        if not self._waiting:
            self._since = loop.time()
        self._waiting.append((call, future))
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._flush)
        return future

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin anew in another event loop; nobody of the last one can wait any more."""
        self._loop, self._wire, self._connecting = loop, None, None
        self._waiting, self._is_due, self._under_way = [], False, 0

    def _flush(self) -> None:
        """Send what waits, unless enough is under way: each answer comes back here. The budget runs from the first who waits."""
        self._is_due = False
        while self._waiting and self._under_way < _MOST_UNDER_WAY and self._connecting is None:
            if self._wire is None or not self._wire.is_open:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
                return
            self._under_way += 1
            deadline = self._since + self._budget
            _Flush(self, self._wire, self._take_waiting(MOST_A_FLUSH), deadline).ask(asking)

    def _take_waiting(self, most: int) -> list[Waiting]:
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._budget):
                self._wire = await connect(self._url)
        except (RedisError, OSError, TimeoutError):
            self._fail(self._take_waiting(len(self._waiting)))
        finally:
            self._connecting = None
        self._flush()

    def landed(self) -> None:
        """A flush is answered, or given up."""
        self._under_way -= 1
        if self._waiting and not self._is_due:
            self._flush()

    @staticmethod
    def _fail(batch: Sequence[Waiting]) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(LimiterAwayError("the shared limiter did not answer in time"))

    def fail(self, batch: Sequence[Waiting]) -> None:
        """Tell those of a flush that the limiter is away, and with them all who wait already: one budget is enough for everybody."""
        self._fail(batch)
        self._fail(self._take_waiting(len(self._waiting)))


class _Flush:
    """One script call under way, and who waits for it. Whatever goes wrong, it ends once, and everybody is told."""

    __slots__ = ("_batch", "_is_over", "_limiter", "_timer", "_tried_in_full", "_wire")

    def __init__(self, limiter: RedisLimiter, wire: Wire, batch: list[Waiting], deadline: float) -> None:
        self._limiter, self._wire, self._batch = limiter, wire, batch
        self._tried_in_full = self._is_over = False
        self._timer = asyncio.get_running_loop().call_at(deadline, self.give_up)

    def ask(self, command: Callable[[Sequence[Call | Settlement]], bytes]) -> None:
        """Send the command that these calls come to."""
        try:
            self._wire.ask(command([call for call, _ in self._batch]), self._heard)
        except Exception:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Tell everybody that there is no answer; a late one must find nobody."""
        self._wire.end()
        self._end()

    def _heard(self, answer: bytes | Exception) -> None:
        if isinstance(answer, ReplyError) and answer.is_unknown_script and not self._tried_in_full:
            self._tried_in_full = True  # flushed, or another server: nothing ran, so nothing was counted
            self.ask(asking_in_full)
        elif isinstance(answer, Exception):
            self.give_up()
        else:
            try:
                self._end(read_answers(answer, [call for call, _ in self._batch]))
            except Exception:
                self.give_up()
                raise

    def _end(self, answers: Sequence[Answer] | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._timer.cancel()
        if answers is None:
            self._limiter.fail(self._batch)
        else:
            for (_, future), answer in zip(self._batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        self._limiter.landed()
