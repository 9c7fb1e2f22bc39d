"""The simulated shop as a demonstration: its files are written, then brought in by the same use cases as anybody's files."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.clock import parse_instant
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.metering.usage_file import import_usage
from billing.purchases.cleaning import clean
from billing.purchases.reading import read_purchases
from billing.purchases.record import record_history
from serving.demo.members import replay, settle
from serving.demo.shopfront import Demo, open_demo
from serving.demo.visits import begin_experiment, visit
from serving.demo.weeks import parts_of
from training.simulate.files import write
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from billing.db.session import Unit
    from serving.demo.weeks import Part
    from serving.wiring import Services

    Tell = Callable[[str, int, int | None], None]

START = datetime(2025, 10, 1, tzinfo=UTC)
DAYS = 300


def build_simulated(
    services: Services, *, customers: int, seed: int, origins: Sequence[str], tell: Tell, weeks: int = 0
) -> Demo:
    """Simulate, write the files, and bring them in; the tenant's clock stands at the end of the simulation.

    In the last `weeks` weeks the shop lives: members come by, see offers and answer them, week after week.
    """
    spec = ShopSpec(customers=customers, start=START, days=DAYS, seed=seed)
    folder = services.settings.home / "files"
    tell("simulating a shop", 0, 1)
    write(simulate(spec), folder)
    tell("simulating a shop", 1, 1)
    now = START + timedelta(days=DAYS)
    demo = open_demo(
        services, name="Bean Street (simulated)", currency=spec.currency, opened_at=START, now=now, origins=origins
    )
    with services.database.unit(demo.scope) as unit:
        _products(unit, folder / "products.csv")
        _customers(unit, folder / "customers.csv")
    parts = parts_of(folder, now, weeks)
    for number, part in enumerate(parts):
        _live(services, demo, part, currency=spec.currency, tell=tell)
        if number < len(parts) - 1:
            if number == 0:
                begin_experiment(services, demo, currency=spec.currency, now=part.until)
            tell("visits", 0, weeks)
            visit(services, demo, now=part.until)
            tell("visits", 1, weeks)
    billed = 0

    def bill(done: int, total: int) -> None:
        nonlocal billed
        tell("billing", done - billed, total)
        billed = done

    settle(services.database, demo.scope, now=now, progress=bill)
    return demo


def _live(services: Services, demo: Demo, part: Part, *, currency: str, tell: Tell) -> None:
    """What was bought, used and subscribed to in one part of the history."""
    lines = clean(read_purchases(part.purchases), currency=currency).lines
    record_history(
        services.database,
        demo.scope,
        lines.batches(),
        progress=lambda done: tell("recording purchases", done, None),
    )
    import_usage(
        services.database,
        demo.scope,
        part.usage,
        now=part.until,
        progress=lambda done: tell("recording usage", done, None),
    )
    replay(services.database, demo.scope, part.steps, progress=lambda done: tell("subscriptions", done, None))


def _products(unit: Unit, path: Path) -> None:
    ProductStore(unit).put(
        Product(
            key=row["item"],
            name=row["name"],
            category=row["category"],
            price=Money.of(row["price"], row["currency"]),
            cost=Money.of(row["cost"], row["currency"]),
            buyable=True,
            added_at=parse_instant(row["added_at"]),
        )
        for row in _rows(path)
    )


def _customers(unit: Unit, path: Path) -> None:
    store = CustomerStore(unit)
    for row in _rows(path):
        store.add(
            Customer(
                id=new_id("cus"),
                key=row["customer"],
                created_at=parse_instant(row["joined_at"]),
                name=row["name"],
                email=row["email"],
                country=row["country"],
                consents=tuple(row["consents"].split()),
            )
        )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
