"""A billing run by several processes side by side. Each takes what no other holds, so they need not know of each other."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from billing.db.session import Database
from billing.invoices.batch import RunReport
from billing.invoices.cycle import BATCH, DEFAULT_GRACE, run_billing

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.db.scope import Scope


def run_billing_with(
    url: str, scope: Scope, *, workers: int, now: datetime, grace: timedelta = DEFAULT_GRACE, batch: int = BATCH
) -> RunReport:
    """Bill everything due by `now` with this many processes; on SQLite, which has one writer at a time, more than one gains little."""
    report = RunReport()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for part in pool.map(_run, *zip(*[(url, scope, now, grace, batch)] * workers, strict=True)):
            report.add(part)
    return report


def _run(url: str, scope: Scope, now: datetime, grace: timedelta, batch: int) -> RunReport:
    database = Database(url)
    try:
        return run_billing(database, scope, now=now, grace=grace, batch=batch)
    finally:
        database.close()
