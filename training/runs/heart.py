"""The heart of a run: keeps its lease while a step takes long, writes down what it says, and hears when it is to stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import structlog

from billing.kernel.errors import UptierError
from features.runs.run import LeaseLostError, RunCancelledError
from features.runs.store import RunStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from billing.db.scope import Scope
    from features.runs.run import Lease
    from training.runs.installation import Installation

_LOG = structlog.get_logger("uptier.training")


class Heart:
    """Beats in a thread of its own between `with` and its end. What `tell` raises ends the run."""

    def __init__(
        self, installation: Installation, scope: Scope, lease: Lease, said: Callable[[str, str], None] | None = None
    ) -> None:
        self._installation = installation
        self._scope = scope
        self._lease = lease
        self._said = said or (lambda _task, _words: None)
        self._steps = 0
        self._written_at = float("-inf")
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="uptier-training-heart", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def tell(self, words: str) -> None:
        """Say what is being done. Raises RunCancelledError, LeaseLostError."""
        self._said(self._lease.task, words)
        self._steps += 1
        if self._lost.is_set():
            raise LeaseLostError(
                "another worker has taken this run over", task=self._lease.task, run=self._lease.run_id
            )
        now = time.monotonic()
        if now - self._written_at < self._installation.pace_seconds:
            return
        self._written_at = now
        if self._beat(words, self._steps / (self._steps + 4)):
            raise RunCancelledError("the run was asked to stop", run=self._lease.run_id)

    def _beat(self, words: str = "", done: float | None = None) -> bool:
        where = self._installation
        with where.database.unit(self._scope) as unit:
            return RunStore(unit).beat(self._lease, now=where.clock(), life=where.life, words=words, done=done)

    def _beat_on(self) -> None:
        while not self._stop.wait(self._installation.beat_seconds):
            try:
                self._beat()
            except LeaseLostError:
                self._lost.set()
                return
            except UptierError as error:
                _LOG.warning("the lease could not be renewed", task=self._lease.task, error=error.detail)
