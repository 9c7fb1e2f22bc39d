"""The billing engine measured: charges rated a second, invoices a second, memory, and how the time grows with the number of subscriptions.

One tenant is filled, a month passes, and one run closes it: usage read and rated, invoices numbered, the books told. Times are wall-clock
on the machine at hand; compare them with each other, not across machines.
"""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.workers import run_billing_with
from billing.ledger.store import LedgerStore
from billing.pricing.quote import priced
from billing.pricing.registry import parse_charge
from training.bench.billing_data import CHARGES, END, fill

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
    """One billing run: `seconds` of wall clock, the run's own peak of memory, and whether the books were whole after it."""

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
        tell(f"billing {size.subscriptions:,} subscriptions with {workers} worker(s)")
        before = _peak_mib()
        started = time.perf_counter()
        if workers == 1:
            report = run_billing(
                database, scope, now=NOW, batch=batch, progress=lambda done, of: tell(f"{done:,} of {of:,} invoices")
            )
        else:
            report = run_billing_with(str(url), scope, workers=workers, now=NOW, batch=batch)
        seconds = time.perf_counter() - started
        return Measured(
            engine=database.url.get_backend_name(),
            workers=workers,
            subscriptions=size.subscriptions,
            events=size.subscriptions * size.events_each,
            seconds=seconds,
            invoices=report.issued,
            invoices_per_second=report.issued / seconds,
            peak_mib=_peak_mib() - before if workers == 1 else _children_mib(),
            whole=_whole(database, scope, size.subscriptions),
        )
    finally:
        database.close()


def _whole(database: Database, scope: Scope, expected: int) -> bool:
    """One final invoice a subscription, postings that sum to zero, and receivables equal to what was invoiced."""
    with database.view(scope) as unit:
        totals = InvoiceStore(unit).totals()
        books = LedgerStore(unit).balances()
    issued = sum(count for (status, _), (count, _) in totals.items() if status in {"issued", "paid"})
    return issued == expected and all(books.net(currency).amount_minor == 0 for currency in books.currencies())


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _children_mib() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def as_dict(measured: Measured) -> dict[str, Any]:
    """The JSON form."""
    return asdict(measured)
