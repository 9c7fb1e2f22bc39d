"""The worker: every minute it does what has fallen due, tenant by tenant. One thread here, or processes of their own elsewhere.

A tenant whose run fails is logged and tried again next time; the others go on.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.tenants.store import TenantStore
from serving.jobs.routine import RoutineReport, run_routine

if TYPE_CHECKING:
    from serving.wiring import Services

_LOG = structlog.get_logger("uptier.worker")
INTERVAL_SECONDS = 60.0


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in a thread of this process."""
        self._thread = threading.Thread(target=self.run_forever, name="uptier-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present step and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def run_forever(self) -> None:
        """Work, wait, work again."""
        while not self._stop.is_set():
            try:
                self.run_once()
            except Exception:  # noqa: BLE001 (outer edge: a database that is away for a while must not end the thread for good)
                _LOG.exception("worker could not run")
            self._stop.wait(INTERVAL_SECONDS)

    def run_once(self) -> RoutineReport:
        """The routine of every tenant, once."""
        total = RoutineReport()
        with self._services.database.view(PLATFORM_SCOPE) as unit:
            tenants = TenantStore(unit).all()
        for tenant in tenants:
            if self._stop.is_set():
                break
            try:
                report = run_routine(self._services, Scope(tenant.id), now=tenant.now(self._services.clock.now()))
            except Exception:  # noqa: BLE001 (outer edge: one tenant's trouble must not stop the others)
                _LOG.exception("billing run failed", tenant=tenant.id)
                continue
            for what, why in report.failed:
                _LOG.error("could not be billed", tenant=tenant.id, what=what, why=why)
            total.add(report)
        return total
