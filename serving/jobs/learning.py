"""The learning part of the worker: queues each tenant's runs when its night has come, and has a process of their own carry them out.

Training takes minutes, memory and a processor, so it never runs in a thread that bills or answers. The process ends when nothing waits;
one that dies leaves leases that run out, and the next goes on where it stopped. A tenant whose clock is frozen has no nights: it is trained
by command or by the API.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import structlog

from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.tenants.store import TenantStore
from features.runs.request import queue_due
from features.runs.store import RunStore
from features.watch.store import WatchStore
from serving.telemetry import ALARMS

if TYPE_CHECKING:
    from serving.wiring import Services

_LOG = structlog.get_logger("uptier.learning")
INTERVAL_SECONDS = 60.0
_COMMAND = "from serving.cli.main import main; main()"


def queue_learning(services: Services, scope: Scope) -> int:
    """Queue what the tenant's settings ask for at this hour of the world's time; the answer is how many runs."""
    if not services.settings.learning:
        return 0
    now = services.clock.now()
    with services.database.view(scope) as unit:
        tenant = TenantStore(unit).find(scope.tenant_id)
        due = RunStore(unit).settings()[1]
    if tenant is None or tenant.frozen_at is not None or (due is not None and due > now):
        return 0
    with services.database.unit(scope) as unit:
        return queue_due(unit, zone=tenant.zone, now=now)


class LearningLoop:
    """Starts the process that trains whenever something waits, one at a time, until it is told to stop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: dict[str, str] = {}

    def start(self) -> None:
        """Look in a thread of this process."""
        if self._services.settings.learning:
            self._thread = threading.Thread(target=self.run_forever, name="uptier-learning", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the process that trains; what it has finished is kept, and the next one goes on."""
        self._stop.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def run_forever(self) -> None:
        """Look, start, count, look again."""
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:  # noqa: BLE001 (outer edge: a database that is away for a while must not end the thread for good)
                _LOG.exception("waiting training runs could not be looked for")
            self._stop.wait(INTERVAL_SECONDS)

    def look(self) -> bool:
        """Start the process if something waits and none is at work; count new alarms. Answers whether one was started."""
        waits = self._count_and_look()
        busy = self._process is not None and self._process.poll() is None
        if not waits or busy:
            return False
        workers = str(self._services.settings.learning_workers)
        words = [sys.executable, "-c", _COMMAND, "train", "waiting", "--workers", workers, "--json"]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)  # noqa: S603 (no word of it comes from outside)
        return True

    def _count_and_look(self) -> bool:
        waits, now = False, self._services.clock.now()
        with self._services.database.view(PLATFORM_SCOPE) as unit:
            tenants = TenantStore(unit).all()
        for tenant in tenants:
            with self._services.database.view(Scope(tenant.id)) as unit:
                waits = bool(RunStore(unit).waiting(now)) or waits
                alarms = WatchStore(unit).alarms_after(self._seen.get(tenant.id, ""))
            for alarm in alarms:
                ALARMS.labels(alarm.task, str(alarm.document.get("kind", ""))).inc()
                self._seen[tenant.id] = alarm.id
        return waits
