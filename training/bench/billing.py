"""The billing engine measured: charges rated a second, invoices a second, memory, and how the time grows with the number of subscriptions.

One tenant is filled, a month passes, and one run closes it: usage read and rated, invoices numbered, the books told. Times are wall-clock
on the machine at hand; compare them with each other, not across machines.
"""

from __future__ import annotations

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from typing import TYPE_CHECKING

from billing.db.maintenance import refresh_statistics
from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.ledger.store import LedgerStore
from billing.pricing.quote import priced
from billing.pricing.registry import parse_charge
from training.bench.billing_data import CHARGES, END, fill
from training.bench.profiled import profiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.scope import Scope

NOW = END + timedelta(days=2)
_RATED = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is billed: so many subscriptions, and usage events of each."""

    subscriptions: int
    events_each: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One billing run: `seconds` of wall clock, the most memory that a process of it held, and whether the books were whole."""

    engine: str
    workers: int
    subscriptions: int
    events: int
    seconds: float
    invoices: int
    invoices_per_second: float
    peak_mib: float
    whole: bool


def rate_charges(count: int = _RATED) -> dict[str, float]:
    """Lines priced a second by one core, by price model, each with its trace and its document."""
    found: dict[str, float] = {}
    for document in CHARGES:
        charge = parse_charge(document)
        quantities = [Decimal(number % 1500) + Decimal("0.25") for number in range(count)]
        started = time.perf_counter()
        for quantity in quantities:
            priced(charge, quantity if charge.meter else Decimal(1), "EUR").to_document()
        found[charge.model.model] = count / (time.perf_counter() - started)
    return found


def bench_billing(
    url: str, size: Size, *, workers: int = 1, seed: int = 0, batch: int = 100, tell: Callable[[str], None] = print
) -> Measured:
    """Fill the empty database at `url`, close one month, and check the books."""
    upgrade(url)
    database = Database(url)
    try:
        scope = fill(database, size.subscriptions, size.events_each, seed=seed, tell=tell)
        refresh_statistics(database.url.render_as_string(hide_password=False))
        tell(f"billing {size.subscriptions:,} subscriptions with {workers} worker(s)")
        parts = _bill(str(database.url.render_as_string(hide_password=False)), scope, workers, batch)
        seconds = max(part.ended for part in parts) - min(part.started for part in parts)
        invoices = sum(part.issued for part in parts)
        return Measured(
            engine=database.url.get_backend_name(),
            workers=workers,
            subscriptions=size.subscriptions,
            events=size.subscriptions * size.events_each,
            seconds=seconds,
            invoices=invoices,
            invoices_per_second=invoices / seconds,
            peak_mib=max(part.peak_mib for part in parts),
            whole=_whole(database, scope, size.subscriptions),
        )
    finally:
        database.close()


def profile_billing(url: str, size: Size, *, seed: int = 0, tell: Callable[[str], None] = print) -> dict[str, float]:
    """Fill the empty database at `url`, close one month under a profiler, and tell which part of the program took which share."""
    upgrade(url)
    database = Database(url)
    try:
        scope = fill(database, size.subscriptions, size.events_each, seed=seed, tell=tell)
        refresh_statistics(database.url.render_as_string(hide_password=False))
        tell(f"profiling {size.subscriptions:,} subscriptions")
        return profiled(lambda: run_billing(database, scope, now=NOW))
    finally:
        database.close()


def _whole(database: Database, scope: Scope, expected: int) -> bool:
    """One final invoice a subscription, postings that sum to zero, and receivables equal to what was invoiced."""
    with database.view(scope) as unit:
        totals = InvoiceStore(unit).totals()
        books = LedgerStore(unit).balances()
    issued = sum(count for (status, _), (count, _) in totals.items() if status in {"issued", "paid"})
    return issued == expected and all(books.net(currency).amount_minor == 0 for currency in books.currencies())


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process did, from when it began to bill to when it ended, and the most memory it ever held."""

    issued: int
    started: float
    ended: float
    peak_mib: float


def _bill(url: str, scope: Scope, workers: int, batch: int) -> list[_Part]:
    """Bill in processes of their own, so that neither filling nor starting Python is in the figures."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_part, *zip(*[(url, scope, batch)] * workers, strict=True)))


def _part(url: str, scope: Scope, batch: int) -> _Part:
    database = Database(url)
    started = time.perf_counter()
    report = run_billing(database, scope, now=NOW, batch=batch)
    ended = time.perf_counter()
    database.close()
    return _Part(report.issued, started, ended, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
