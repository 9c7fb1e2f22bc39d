"""Erasing a customer in one transaction: everything that `features.privacy.holdings` lists, the answers kept for repeats, and the name.

Refused while something is open with the customer: a running subscription, an invoice that is not settled, a wallet with money in it.
Nothing about them is read by features or training from the commit on. Files follow: readers of training snapshots leave out the ids of
`features.erased`, and a purge rewrites them; models learn without the customer when they are next trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.customers.store import CustomerStore
from billing.db.replay import forget as forget_answers
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError
from billing.payments.collection_store import MethodStore
from billing.payments.store import ProviderEventStore
from billing.subscriptions.store import SubscriptionStore
from billing.wallets.standing_store import StandingStore as WalletStandings
from billing.wallets.store import WalletStore
from features.erased.store import ErasureStore
from features.privacy.holdings import HOLDINGS, USAGE, Treatment

if TYPE_CHECKING:
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from features.erased.store import Erasure

_OPEN: Final = (
    InvoiceStatus.DRAFT,
    InvoiceStatus.IN_GRACE,
    InvoiceStatus.FAILED,
    InvoiceStatus.ISSUED,
    InvoiceStatus.PARTLY_PAID,
)


class CustomerInUseError(ConflictError):
    """Something is open with the customer; `open` lists what has to be ended first."""

    code = "customer_in_use"


def erase_customer(unit: Unit, key: str, *, now: datetime) -> Erasure:
    """Erase the customer with this key or id; one that was erased already is answered as then, by id."""
    customer = CustomerStore(unit).lock(key)
    known = ErasureStore(unit).find(customer.id)
    if known is not None:
        return known
    _require_nothing_open(unit, customer, now)
    billed = bool(InvoiceStore(unit).page(limit=1, customer_id=customer.id).items)
    done: dict[str, dict[str, int]] = {treatment.value: {} for treatment in Treatment}
    known_as = [customer.id, *MethodStore(unit).references(customer.id), *filter(None, [customer.email])]
    done[Treatment.BLANKED.value]["provider_events"] = ProviderEventStore(unit).forget(known_as)
    for table, holding in HOLDINGS.items():
        if holding.forget is None or (holding is USAGE and billed):
            continue
        count = holding.forget(unit, customer.id, now)
        if count:
            done[holding.treatment.value][table] = count
    done[Treatment.REMOVED.value]["replays"] = forget_answers(unit, _said_of(customer))
    store = ErasureStore(unit)
    CustomerStore(unit).erase(customer.id, f"erased:{store.hash_of(customer.id)[:32]}")
    done[Treatment.BLANKED.value]["customers"] = 1
    unit.emit("customer.erased", customer.id, {"customer": customer.id}, now)
    return store.add(customer.id, done, now)


def _said_of(customer: Customer) -> list[tuple[str, str]]:
    """Where answers of the API name a customer: a key may be any word, so it is looked for in its own fields alone."""
    said = [("customer", customer.id), ("id", customer.id), ("customer", customer.key), ("key", customer.key)]
    return [*said, *((field, word) for field, word in (("email", customer.email), ("name", customer.name)) if word)]


def _require_nothing_open(unit: Unit, customer: Customer, now: datetime) -> None:
    found = [*_subscriptions(unit, customer), *_invoices(unit, customer), *_wallets(unit, customer, now)]
    if found:
        raise CustomerInUseError(
            f"something is open with this customer: {', '.join(found)}; end it first, then erase", open=found
        )


def _subscriptions(unit: Unit, customer: Customer) -> list[str]:
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    return [] if running is None else [f"subscription {running.id}"]


def _invoices(unit: Unit, customer: Customer) -> list[str]:
    pages = (InvoiceStore(unit).page(limit=1, customer_id=customer.id, status=status) for status in _OPEN)
    return [
        f"invoice {invoice.number or invoice.id} ({invoice.status.value})" for page in pages for invoice in page.items
    ]


def _wallets(unit: Unit, customer: Customer, now: datetime) -> list[str]:
    wallets = WalletStore(unit).page(limit=100, customer_id=customer.id).items
    found = []
    for wallet in wallets:
        balance, _ = WalletStandings(unit).balances([customer.id], wallet.currency, now).get(customer.id, (0, 0))
        found += [f"wallet {wallet.id} with a balance"] if balance else []
    return found
