"""Kill a billing run at random points, again and again, and look at the books: `python -m tests.e2e.kill_billing URL --kills 100`.

Each round a month passes and customers use things; a process that bills is killed (SIGKILL) somewhere on its way; what it left must be
whole as it stands; a second process goes on from there, and then everything is billed once. Prints a JSON line; ends 1 at the first fault.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING

from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.cadence import Cadence
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.metering.ingest import ingest
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, delivery, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.invoices.invoice import Invoice

CUSTOMERS = tuple(f"c{number:02d}" for number in range(24))
_BATCH = 3
_FORK = get_context("fork")


class BrokenBooksError(AssertionError):
    """What a killed run left is not whole."""


def main() -> int:
    """Run the rounds and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(kill_many(given.url, given.kills, seed=given.seed)) + "\n")
    return 0


def kill_many(url: str, kills: int, *, seed: int) -> dict[str, int]:
    """Rounds until so many runs were killed while they worked; BrokenBooksError at the first fault."""
    upgrade(url)
    scope = _open(url)
    rng = random.Random(seed)
    longest, killed, months = 0.5, 0, 0
    half_way: Counter[int] = Counter()
    while killed < kills:
        now = Cadence(START).boundary(months + 1) + timedelta(days=2)
        _use(url, scope, Cadence(START).boundary(months), months)
        was_killed = _bill(url, scope, now, rng.uniform(0, longest))
        killed += was_killed
        done = _check(url, scope)
        half_way[len(done) - months * len(CUSTOMERS)] += was_killed
        longest = longest * 1.1 if was_killed else longest * 0.8  # towards kills that come while it works
        _bill(url, scope, now, None)
        months += 1
        _complete(url, scope, months + 1)
    between = sum(count for stage, count in half_way.items() if 0 < stage < len(CUSTOMERS))
    return {"kills": killed, "between_batches": between, "months": months, "invoices": (months + 1) * len(CUSTOMERS)}


def _open(url: str) -> Scope:
    database = Database(url)
    try:
        shop = open_shop(database, customers=CUSTOMERS)
        with database.unit(shop.scope) as unit:
            for customer in CUSTOMERS:
                subscribe(unit, customer, "starter", now=START)
        run_billing(database, shop.scope, now=START)
        return shop.scope
    finally:
        database.close()


def _use(url: str, scope: Scope, start: datetime, month: int) -> None:
    """Four deliveries for everybody, of which two are free: 3.00 a month."""
    database = Database(url)
    events = [
        delivery(customer, f"{customer}-{month}-{number}", start + timedelta(days=1))
        for customer in CUSTOMERS
        for number in range(4)
    ]
    with database.unit(scope) as unit:
        ingest(unit, events, now=start + timedelta(days=2))
    database.close()


def _bill(url: str, scope: Scope, now: datetime, seconds: float | None) -> bool:
    """Bill in a process of its own, killed after so long; whether the kill met it at work."""
    process = _FORK.Process(target=_work, args=(url, scope, now))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return True
    if process.exitcode != 0:
        raise BrokenBooksError(f"a billing run ended with {process.exitcode}")
    return False


def _work(url: str, scope: Scope, now: datetime) -> None:
    database = Database(url)
    report = run_billing(database, scope, now=now, batch=_BATCH)
    database.close()
    sys.exit(1 if report.failed else 0)


def _check(url: str, scope: Scope) -> list[Invoice]:
    """The final invoices of closed months, once everything that must hold at every moment was seen to hold."""
    database = Database(url)
    try:
        with database.view(scope) as unit:
            store, invoices, cursor = InvoiceStore(unit), [], None
            while True:
                page = store.page(limit=500, cursor=cursor)
                invoices += page.items
                cursor = page.next_cursor
                if cursor is None:
                    break
            books = LedgerStore(unit).balances()
            subscriptions = {each.id: each for each in SubscriptionStore(unit).page(limit=500).items}
    finally:
        database.close()
    issued = [invoice for invoice in invoices if invoice.status is InvoiceStatus.ISSUED]
    numbers = sorted(int(str(invoice.number).removeprefix("INV-")) for invoice in issued)
    _require(numbers == list(range(1, len(issued) + 1)), "numbers have a gap or a double")
    _require(books.net("EUR").amount_minor == 0, "postings do not sum to zero")
    owed = books.natural(Account.RECEIVABLE, "EUR").amount_minor
    _require(owed == sum(invoice.total.amount_minor for invoice in issued), "receivables are not what was invoiced")
    for each, subscription in subscriptions.items():
        made = sorted(invoice.sequence or 0 for invoice in invoices if invoice.subscription_id == each)
        _require(
            made == list(range(subscription.sequence)), f"{each} was billed {made}, and says {subscription.sequence}"
        )
    return [invoice for invoice in issued if invoice.period is not None]


def _complete(url: str, scope: Scope, months: int) -> None:
    """Everybody has one invoice a month, each with the fee and four deliveries of its month."""
    done = _check(url, scope)
    _require(len(done) == len(CUSTOMERS) * (months - 1), f"{len(done)} closed months after {months - 1}")
    for invoice in done:
        usage = sum(line.amount.amount_minor for line in invoice.lines if line.kind == "usage")
        _require((usage, invoice.total.amount_minor) == (300, 1200), f"{invoice.number} is over {invoice.total}")


def _require(holds: bool, words: str) -> None:  # noqa: FBT001 (an assertion that outlives python -O)
    if not holds:
        raise BrokenBooksError(words)


if __name__ == "__main__":
    sys.exit(main())
