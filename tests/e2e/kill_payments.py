"""Kill processes that take and give back money, again and again: `python -m tests.e2e.kill_payments URL --kills 100`.

Each round everybody owes something; two processes collect and refund side by side and are killed (SIGKILL) somewhere on their way; what
they left must be explicable as it stands; then a third one recovers and finishes, and the provider's books and ours must say the same to
the cent. Prints a JSON line; ends 1 at the first fault.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import BusyError, Database
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.payments.collect import collect
from billing.payments.collection_store import AttemptStore
from billing.payments.payment import RefundError
from billing.payments.recover import recover
from billing.payments.refund import carry_out_refund, prepare_refund
from billing.payments.sandbox.provider import SandboxProvider
from billing.payments.sandbox.store import SandboxStore
from billing.payments.store import PaymentStore, RefundStore
from tests.billing.payments.till import SECRET, Till, issue
from tests.shop import START, open_shop

MOODS = ("pm_ok", "pm_ok.visa", "pm_insufficient_then_ok", "pm_ok.debit", "pm_declined", "pm_timeout_after_charge")
CUSTOMERS = tuple(f"c{number:02d}" for number in range(6))
PRICE_MINOR, BACK_MINOR = 900, 250
_FORK = get_context("fork")
_AT_ONCE = timedelta()
_RETRIED, _AGAIN = timedelta(days=3), timedelta(days=10)  # days on which a decline is tried again


class BrokenBooksError(AssertionError):
    """What a killed process left is not whole."""


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
    """Rounds until so many processes were killed while they worked; BrokenBooksError at the first fault."""
    upgrade(url)
    tenant = _open(url)
    rng = random.Random(seed)
    longest, seen = 0.3, Counter[str]()
    while seen["kills"] < kills:
        seen["rounds"] += 1
        _owe(url, tenant)
        workers = [_FORK.Process(target=_work, args=(url, tenant)) for _ in range(2)]
        for worker in workers:
            worker.start()
        killed = 0
        for worker in workers:
            worker.join(rng.uniform(0, longest))
            if worker.is_alive():
                worker.kill()
                worker.join()
                killed += 1
            elif worker.exitcode != 0:
                raise BrokenBooksError(f"a process ended with {worker.exitcode}")
        seen["kills"] += killed
        seen["open_after_kill"] += _as_it_stands(url, tenant)
        longest = longest * 1.1 if killed else longest * 0.8  # towards kills that come while they work
        _finish(url, tenant, seen["rounds"])
    return dict(seen)


def _till(url: str, tenant: str) -> Till:
    database = Database(url)
    shop = _Known(database, Scope(tenant))
    return Till(shop, SandboxProvider(database, shop.scope, secret=SECRET))


@dataclass(frozen=True, slots=True)
class _Known:
    """A shop that was opened before, by its scope."""

    database: Database
    scope: Scope


def _open(url: str) -> str:
    database = Database(url)
    shop = open_shop(database, customers=CUSTOMERS)
    till = Till(shop, SandboxProvider(database, shop.scope, secret=SECRET))
    for number, customer in enumerate(CUSTOMERS):
        till.give(customer, MOODS[number % len(MOODS)])
    database.close()
    return shop.scope.tenant_id


def _owe(url: str, tenant: str) -> None:
    """An invoice of 9.00 for everybody."""
    till = _till(url, tenant)
    with till.shop.database.unit(till.shop.scope) as unit:
        version = CatalogStore(unit).latest("starter").id
        for customer in CUSTOMERS:
            issue(unit, CustomerStore(unit).get(customer).id, version, "9.00")
    till.shop.database.close()


def _work(url: str, tenant: str) -> None:
    """Collect, and give 2.50 back of every payment there is."""
    till = _till(url, tenant)
    database, scope = till.shop.database, till.shop.scope
    recover(database, scope, till.sandbox, now=START, older_than=_AT_ONCE)
    report = collect(database, scope, till.sandbox, now=START)
    with database.view(scope) as unit:
        payments = PaymentStore(unit).page(limit=1000).items
    for payment in payments:
        if payment.refunded.amount_minor:
            continue
        try:
            with database.unit(scope) as unit:
                refund = prepare_refund(unit, payment.id, target=Money(BACK_MINOR, "EUR"), reason="spilled", now=START)
            carry_out_refund(database, scope, till.sandbox, refund.id, now=START)
        except (BusyError, ConflictError, RefundError):
            continue  # the other process was faster
    database.close()
    sys.exit(1 if report.failed else 0)


def _as_it_stands(url: str, tenant: str) -> int:
    """Right after a kill: what the provider has and we have not booked is what open attempts and refunds explain. How many there are."""
    till = _till(url, tenant)
    with till.shop.database.view(till.shop.scope) as unit:
        attempts = AttemptStore(unit).unsettled(till.sandbox.name, START)
        refunds = RefundStore(unit).unsettled(START)
        store, books = SandboxStore(unit), LedgerStore(unit).balances()
        keys = [*(attempt.id for attempt in attempts), *(refund.id for refund in refunds)]
        moves = [store.by_key(key) for key in keys]
        takings = store.takings().get("EUR", 0)
    _require(books.net("EUR").amount_minor == 0, "postings do not sum to zero")
    hidden = sum(
        -move.amount.amount_minor if move.of else move.amount.amount_minor
        for move in moves
        if move is not None and move.state == "succeeded"
    )
    cash = books.natural(Account.CASH, "EUR").amount_minor
    _require(takings == cash + hidden, f"the provider has {takings}, we booked {cash} and cannot explain the rest")
    till.shop.database.close()
    return len(attempts) + len(refunds)


def _finish(url: str, tenant: str, rounds: int) -> None:
    """Recover and work to the end; then everybody has paid once, and both sides agree."""
    till = _till(url, tenant)
    database, scope = till.shop.database, till.shop.scope
    for now in (START + _RETRIED, START + _AGAIN):
        unknown = 1
        while unknown:  # a lost answer ends a run, once a charge
            recover(database, scope, till.sandbox, now=now, older_than=_AT_ONCE)
            unknown = collect(database, scope, till.sandbox, now=now).unknown
    with database.view(scope) as unit:
        _require(not AttemptStore(unit).unsettled(till.sandbox.name, START + _AGAIN), "attempts are left open")
        _require(not RefundStore(unit).unsettled(START + _AGAIN), "refunds are left open")
        takings = SandboxStore(unit).takings().get("EUR", 0)
        charged = Counter(charge.invoice for charge in SandboxStore(unit).charges())
        books, payments = LedgerStore(unit).balances(), PaymentStore(unit).page(limit=100_000).items
        unpaid = [InvoiceStore(unit).get(each) for each, _ in InvoiceStore(unit).unpaid(limit=100_000)]
    _require(set(charged.values()) <= {1}, "an invoice was charged twice")
    _require(Counter(payment.invoice_id for payment in payments) == charged, "payments are not the provider's charges")
    _require(all(payment.refunded.amount_minor in {0, BACK_MINOR} for payment in payments), "a refund was doubled")
    _require(takings == books.natural(Account.CASH, "EUR").amount_minor, "the provider's takings are not our cash")
    _require(all(payment.amount.amount_minor == PRICE_MINOR for payment in payments), "a wrong amount was taken")
    missed = [each for each in unpaid if each.status is InvoiceStatus.ISSUED and each.id not in charged]
    refused = sum(mood == "pm_declined" for mood in MOODS) * len(CUSTOMERS) // len(MOODS)
    _require(len(missed) == rounds * refused, f"{len(missed)} invoices were not tried to the end")
    owed = books.natural(Account.RECEIVABLE, "EUR").amount_minor
    _require(owed == sum(each.amount_due.amount_minor for each in unpaid), "receivables are not what is due")
    database.close()


def _require(holds: bool, words: str) -> None:  # noqa: FBT001 (an assertion that outlives python -O)
    if not holds:
        raise BrokenBooksError(words)


if __name__ == "__main__":
    sys.exit(main())
