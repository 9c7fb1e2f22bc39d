"""Group commit: callers put what they were sent into a bounded queue, and one transaction of a tenant commits what many have put there.

A caller is answered after the commit that holds its events, never before. A batch that the database refuses is refused alone: what was
to be committed with it is committed by itself. A full queue says so at once, so that memory stays bounded and senders know to wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from billing.db.session import BusyError
from billing.kernel.errors import Kind, UptierError
from billing.metering.ingest import store_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.metering.ingest import Batch, Receipt
    from serving.settings import Settings

Work = TypeVar("Work")
Answer = TypeVar("Answer")


class IntakeFullError(UptierError):
    """More waits to be stored than is taken at once."""

    code = "intake_full"
    kind = Kind.UNAVAILABLE


class IntakeClosedError(UptierError):
    """The process is ending and takes no more."""

    code = "intake_closed"
    kind = Kind.UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much waits at most, and when it is committed: at `flush_events` events or `flush_seconds` after the first, whichever is first.

    No time is waited while a commit runs: what comes meanwhile is the next one.
    """

    queued_events: int = 100_000
    flush_events: int = 20_000
    flush_seconds: float = 0.002


def limits_of(settings: Settings) -> Limits:
    """The limits that an installation has set."""
    return Limits(
        queued_events=settings.intake_waiting_events,
        flush_events=settings.intake_flush_events,
        flush_seconds=settings.intake_flush_ms / 1000,
    )


@dataclass(slots=True)
class _Waiting(Generic[Work, Answer]):
    scope: Scope
    work: Work
    weight: int
    answer: Future[Answer] = field(default_factory=Future)


class GroupCommit(Generic[Work, Answer]):
    """Takes work from any thread. Its writer is a thread that lives while there is something to write.

    `store` does the work of one tenant in one transaction and answers each in turn; an answer that is an exception is raised to its
    caller alone. What work weighs, and so how much is committed together, is told at `submit`.
    """

    def __init__(
        self,
        database: Database,
        store: Callable[[Unit, Sequence[Work]], Sequence[Answer | Exception]],
        limits: Limits | None = None,
        *,
        name: str = "group-commit",
    ) -> None:
        self._database = database
        self._store = store
        self._name = name
        self._limits = limits or Limits()
        self._changed = threading.Condition()
        self._queue: deque[_Waiting[Work, Answer]] = deque()
        self._events = 0
        self._writer: threading.Thread | None = None
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How much waits; what is being written does not wait."""
        return self._events

    def put(self, scope: Scope, work: Work, weight: int = 1) -> Future[Answer]:
        """Queue work; the answer comes after its commit, and is an error where it could not be stored."""
        item: _Waiting[Work, Answer] = _Waiting(scope, work, weight)
        with self._changed:
            if self._is_closed:
                raise IntakeClosedError("the server is ending; ask again in a moment")
            if self._events and self._events + item.weight > self._limits.queued_events:
                raise IntakeFullError(
                    "more is waiting to be stored than is taken at once; ask again in a moment",
                    waiting=self._events,
                )
            self._queue.append(item)
            self._events += item.weight
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name=self._name, daemon=True)
                self._writer.start()
            elif self._events >= self._limits.flush_events:
                self._changed.notify_all()
        return item.answer

    def close(self) -> None:
        """Take no more, and return when what was taken is stored."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            writer = self._writer
        if writer is not None:
            writer.join()

    def _write(self) -> None:
        is_first = True
        while items := self._next(waits=is_first):
            is_first = False
            self._commit(items)

    def _next(self, *, waits: bool) -> list[_Waiting[Work, Answer]]:
        """The next group, all of one tenant and in the order they came; nothing ends the writer."""
        with self._changed:
            if waits:
                self._wait_for_others()
            group = self._group()
            if not group:
                self._writer = None
            return group

    def _wait_for_others(self) -> None:
        until = time.monotonic() + self._limits.flush_seconds
        while not self._is_closed and self._events < self._limits.flush_events:
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _group(self) -> list[_Waiting[Work, Answer]]:
        group: list[_Waiting[Work, Answer]] = []
        others: deque[_Waiting[Work, Answer]] = deque()
        total = 0
        while self._queue:
            item = self._queue.popleft()
            if group and (item.scope != group[0].scope or total + item.weight > self._limits.flush_events):
                others.append(item)
            elif item.answer.set_running_or_notify_cancel():
                group.append(item)
                total += item.weight
            else:  # its caller has gone and was told nothing
                self._events -= item.weight
        self._queue = others
        self._events -= total
        return group

    def _commit(self, items: Sequence[_Waiting[Work, Answer]]) -> None:
        """All together; where that fails for a reason of one of them, each by itself."""
        try:
            with self._database.unit(items[0].scope) as unit:
                answers = self._store(unit, [item.work for item in items])
        except Exception as error:  # noqa: BLE001 (whatever it was is the answer of whom it concerns)
            if len(items) == 1 or isinstance(error, BusyError):
                for item in items:
                    item.answer.set_exception(error)
                return
            for item in items:
                self._commit([item])
            return
        for item, answer in zip(items, answers, strict=True):
            if isinstance(answer, Exception):
                item.answer.set_exception(answer)
            else:
                item.answer.set_result(answer)


class Intake(GroupCommit["Batch", "Receipt"]):
    """Batches of usage events."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        super().__init__(database, _stored, limits, name="usage-intake")

    def submit(self, scope: Scope, batch: Batch) -> Future[Receipt]:
        """Queue a batch, which weighs what it holds."""
        return self.put(scope, batch, max(len(batch), 1))


def _stored(unit: Unit, batches: Sequence[Batch]) -> Sequence[Receipt]:
    return store_batches(unit, batches)
