"""A simulated shop in a database, written straight through the stores: who buys, uses and leaves is known, and so is the truth behind it.

Subscriptions are given their history rows without being billed, and end when their member leaves; what billing makes of them is tested
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.sources import instant_of
from models.registry.memory import MemoryRegistry
from serving.demo.catalog import publish_catalogue
from training.context import JobContext
from training.simulate.rows import purchase_lines, subscribe, usage_events

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database
    from training.history import History
    from training.simulate.shop import SimulatedShop

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Stocked:
    """The shop, where its rows are, and the id of each member in the order of the truth."""

    shop: SimulatedShop
    database: Database
    scope: Scope
    ids: tuple[str, ...]

    @property
    def now(self) -> datetime:
        """The moment at which the simulation ended."""
        return instant_of(self.shop.spec.end_us)

    def run(self, history: History) -> JobContext:
        """A run over this history with an empty registry of its own."""
        return JobContext(
            database=self.database,
            scope=self.scope,
            registry=MemoryRegistry(),
            history=history,
            now=self.now,
            seed=0,
            tell=lambda _words: None,
        )


def stock(database: Database, shop: SimulatedShop, *, with_subscriptions: bool = True) -> Stocked:
    """Everything that the shop would know, in a tenant of its own."""
    spec = shop.spec
    opened = open_tenant(
        database,
        name="Bean Street",
        currency=spec.currency,
        zone="UTC",
        mode=Mode.TEST,
        now=spec.start,
        frozen_at=spec.start + timedelta(days=spec.days),
    )
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        publish_catalogue(unit, currency=spec.currency, now=spec.start)
        by_key = CustomerStore(unit).ensure(shop.customers.key, spec.start)
    ids = tuple(by_key[key] for key in shop.customers.key)
    with database.unit(scope) as unit:
        for start in range(0, len(shop.purchases.at_us), _BATCH):
            PurchaseStore(unit).insert(list(purchase_lines(shop, ids, slice(start, start + _BATCH))))
        for start in range(0, len(shop.usage.at_us), _BATCH):
            EventStore(unit).insert(list(usage_events(shop, slice(start, start + _BATCH))), by_key, None)
    if with_subscriptions:
        with database.unit(scope) as unit:
            subscribe(unit, shop, ids)
    return Stocked(shop, database, scope, ids)
