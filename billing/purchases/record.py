"""Recording purchase lines: customers and products are made as they appear, each line is stored once by its key.

Every batch is a transaction of its own, so an interrupted import is finished by running it again. Imported history counts as known when
it happened; what a shop reports live counts as known when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.kernel.money import Money
from billing.purchases.store import PurchaseStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit

Batch = dict[str, list[Any]]


@dataclass(slots=True)
class RecordReport:
    """How many lines were new, how many were stored before."""

    stored: int = 0
    known: int = 0


def record_history(
    database: Database,
    scope: Scope,
    batches: Iterable[Batch],
    *,
    progress: Callable[[int], None] | None = None,
) -> RecordReport:
    """Store batches of lines (columns named as `PurchaseLine`); `progress` is told how many lines were done."""
    report = RecordReport()
    for batch in batches:
        size = len(batch["line_key"])
        with database.unit(scope) as unit:
            stored = record_batch(unit, batch)
        report.stored += stored
        report.known += size - stored
        if progress is not None:
            progress(size)
    return report


def record_batch(unit: Unit, batch: Batch, *, received_at: datetime | None = None) -> int:
    """Store one batch in the unit's transaction; the answer is how many lines were new."""
    first_seen: dict[str, datetime] = {}
    for customer, at in zip(batch["customer"], batch["at"], strict=True):
        first_seen[customer] = min(at, first_seen.get(customer, at))
    countries = {key: country or "" for key, country in zip(batch["customer"], batch["country"], strict=True)}
    ids = CustomerStore(unit).ensure(first_seen, min(first_seen.values()), countries) if first_seen else {}
    ProductStore(unit).note(_products(batch))
    columns = ("line_key", "customer", "item", "basket", "at", "quantity", "amount_minor", "currency")
    rows = [
        {
            "key": key,
            "customer_id": ids[customer],
            "item": item,
            "basket": basket,
            "at": at,
            "received_at": received_at or at,
            "quantity": quantity,
            "amount_minor": amount_minor,
            "currency": currency,
        }
        for key, customer, item, basket, at, quantity, amount_minor, currency in zip(
            *(batch[name] for name in columns), strict=True
        )
    ]
    return PurchaseStore(unit).insert(rows)


def _products(batch: Batch) -> dict[str, tuple[Product, datetime]]:
    """Each item as its latest line of the batch shows it, with the moment of that line."""
    latest: dict[str, tuple[Product, datetime]] = {}
    columns = ("item", "description", "at", "unit_price", "currency")
    for item, description, at, unit_price, currency in zip(*(batch[name] for name in columns), strict=True):
        known = latest.get(item)
        if known is not None and at < known[1]:
            continue
        product = Product(
            key=item,
            name=description or (known[0].name if known else ""),
            category="",
            price=Money.round(unit_price, currency),
            cost=None,
            buyable=True,
            added_at=at if known is None else min(known[0].added_at, at),
        )
        latest[item] = (product, at)
    return latest
