"""Members of the demonstration: every step is taken at its own time through the product's use cases, billed as a running shop would."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.ledger.store import LedgerStore
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from serving.demo.members import BILLED_EVERY, PAID_AFTER, Step, replay, settle
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Database
    from billing.subscriptions.subscription import Subscription

DAY = timedelta(days=1)
STEPS = (
    Step(START, "ann", "started", "starter"),
    Step(START + 3 * DAY, "bob", "started", "plus"),
    Step(START + 10 * DAY, "ann", "changed", "plus"),
    Step(START + 20 * DAY, "ann", "started", "tasting_box"),
    Step(START + 45 * DAY, "bob", "cancelled", "plus"),
    Step(START + 50 * DAY, "ann", "changed", "starter"),
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with Ann, Bob and Cleo on each engine."""
    return open_shop(database, customers=("ann", "bob", "cleo"))


def _running(shop: Shop, key: str) -> Subscription | None:
    with shop.database.view(shop.scope) as unit:
        customer = CustomerStore(unit).get(key)
        return SubscriptionStore(unit).running_of([customer.id]).get(customer.id)


def _history(shop: Shop, key: str) -> list[tuple[str, str, int]]:
    with shop.database.view(shop.scope) as unit:
        customer = CustomerStore(unit).get(key)
        rows = HistoryStore(unit).history_before(START + 1000 * DAY, customer.id)
        return [(row[1], row[2], (row[5] - START).days) for row in rows]


def _invoices(shop: Shop) -> list[Invoice]:
    with shop.database.view(shop.scope) as unit:
        return list(InvoiceStore(unit).page(limit=200).items)


def test_every_step_is_taken_at_its_own_time(shop: Shop) -> None:
    """Plans, the box and the end stand in the history on the days they happened."""
    replay(shop.database, shop.scope, STEPS)
    settle(shop.database, shop.scope, now=START + 75 * DAY)

    assert _history(shop, "ann") == [
        ("started", "starter", 0),
        ("changed", "plus", 10),
        ("changed", "plus", 20),
        ("changed", "starter", 50),
    ]
    assert _history(shop, "bob") == [("started", "plus", 3), ("cancelled", "plus", 45), ("ended", "plus", 62)]
    ann = _running(shop, "ann")
    assert ann is not None
    assert (ann.plan_key, [addon.plan_key for addon in ann.addons]) == ("starter", ["tasting_box"])
    assert (_running(shop, "bob"), _running(shop, "cleo")) == (None, None)


def test_the_order_in_which_steps_are_given_does_not_matter(shop: Shop) -> None:
    """They are taken by their time."""
    other = open_shop(shop.database, "Leaf Lane", customers=("ann", "bob", "cleo"))
    shuffled = list(STEPS)
    random.Random(1).shuffle(shuffled)

    for where, steps in ((shop, STEPS), (other, shuffled)):
        replay(where.database, where.scope, steps)
        settle(where.database, where.scope, now=START + 75 * DAY)

    assert [_history(shop, key) for key in ("ann", "bob")] == [_history(other, key) for key in ("ann", "bob")]
    assert [_told(invoice) for invoice in _invoices(shop)] == [_told(invoice) for invoice in _invoices(other)]


def _told(invoice: Invoice) -> tuple[object, ...]:
    return invoice.number, invoice.status, invoice.total, invoice.sequence, invoice.issued_at


def test_steps_that_make_no_sense_are_passed_over(shop: Shop) -> None:
    """A change of nobody's subscription, a second start of the same plan, a second end, a change to what they have."""
    odd: Sequence[Step] = (
        Step(START - DAY, "cleo", "changed", "pro"),
        Step(START - DAY, "cleo", "cancelled", "starter"),
        Step(START + DAY, "ann", "started", "starter"),
        Step(START + 11 * DAY, "ann", "changed", "plus"),
        Step(START + 46 * DAY, "bob", "cancelled", "plus"),
    )
    replay(shop.database, shop.scope, sorted([*STEPS, *odd]))

    assert _history(shop, "cleo") == []
    assert len(_history(shop, "ann")) == 4
    assert [kind for kind, _, _ in _history(shop, "bob")].count("cancelled") == 1


def test_what_falls_due_on_the_way_is_billed_and_the_books_agree(shop: Shop) -> None:
    """Numbers without a gap, in the order of the weekly runs; debits equal credits; what is old enough is paid."""
    now = START + 75 * DAY
    replay(shop.database, shop.scope, STEPS)
    paid = settle(shop.database, shop.scope, now=now)
    issued = {_serial(each): each.issued_at for each in _invoices(shop) if each.number and each.issued_at}
    moments = [issued[number] for number in range(1, len(issued) + 1)]

    assert all(max(moments[:place]) - moment < BILLED_EVERY for place, moment in enumerate(moments) if place)
    assert paid == sum(
        invoice.paid.amount_minor > 0 for invoice in _invoices(shop)
    )  # one over nothing is paid by itself
    for invoice in _invoices(shop):
        if invoice.issued_at is not None and invoice.total.amount_minor > 0:
            assert (invoice.status is InvoiceStatus.PAID) == (invoice.issued_at + PAID_AFTER <= now)
    with shop.database.view(shop.scope) as unit:
        assert LedgerStore(unit).balances().net("EUR").amount_minor == 0


def _serial(invoice: Invoice) -> int:
    return int((invoice.number or "").rsplit("-", 1)[-1])


def test_settling_twice_pays_nothing_twice(shop: Shop) -> None:
    """What is paid is paid."""
    replay(shop.database, shop.scope, STEPS)
    first = settle(shop.database, shop.scope, now=START + 75 * DAY)
    before = [_told(invoice) for invoice in _invoices(shop)]

    assert first > 0
    assert settle(shop.database, shop.scope, now=START + 75 * DAY) == 0
    assert [_told(invoice) for invoice in _invoices(shop)] == before


def test_progress_adds_up_to_every_step(shop: Shop) -> None:
    """So that a bar ends full; and nothing to do is no progress."""
    done: list[int] = []
    replay(shop.database, shop.scope, STEPS, progress=done.append)
    assert sum(done) == len(STEPS)

    replay(shop.database, shop.scope, (), progress=done.append)
    assert sum(done) == len(STEPS)
