"""Writes a simulated shop as the files that the import commands read, and its truth beside them. Same shop, same bytes.

Money is decimal text in major units, instants are RFC 3339 in UTC; a usage line is an event as the API takes it.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.clock import format_instant
from billing.kernel.money import Money
from training.simulate.assortment import CATEGORIES
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.population import ARCHETYPES
from training.simulate.shop import METERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.simulate.shop import SimulatedShop

_DIGITS = 6  # of a probability or rate in the truth


def write(shop: SimulatedShop, folder: Path) -> list[Path]:
    """Write all files of a shop into `folder`, made if need be; the answer is their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _products(shop, folder / "products.csv"),
        _customers(shop, folder / "customers.csv"),
        _purchases(shop, folder / "purchases.csv"),
        _usage(shop, folder / "usage.jsonl"),
        _subscriptions(shop, folder / "subscriptions.csv"),
        _offers(shop, folder / "offers.csv"),
        _truth(shop, folder / "truth.json"),
    ]


def _products(shop: SimulatedShop, path: Path) -> Path:
    products = shop.products
    rows = zip(
        products.key,
        products.name,
        _named(CATEGORIES, products.category),
        _amounts(products.price_minor, shop.spec.currency),
        _amounts(products.cost_minor, shop.spec.currency),
        [shop.spec.currency] * len(products),
        _instants(products.added_us),
        strict=True,
    )
    return _csv(path, "item,name,category,price,cost,currency,added_at", rows)


def _customers(shop: SimulatedShop, path: Path) -> Path:
    customers = shop.customers
    rows = zip(
        customers.key,
        customers.name,
        customers.email,
        customers.country,
        _named(("", "marketing"), customers.marketing_consent.astype(np.int64)),
        _instants(customers.joined_us),
        strict=True,
    )
    return _csv(path, "customer,name,email,country,consents,joined_at", rows)


def _purchases(shop: SimulatedShop, path: Path) -> Path:
    lines = shop.purchases
    price_of = _amounts(shop.products.price_minor, shop.spec.currency)
    rows = zip(
        _named(shop.customers.key, lines.customer),
        _named(shop.products.key, lines.item),
        [f"o{number + 1:06d}" for number in lines.basket.tolist()],
        _instants(lines.at_us),
        lines.quantity.tolist(),
        _named(price_of, lines.item),
        _named(shop.products.name, lines.item),
        strict=True,
    )
    return _csv(path, "customer,item,basket,at,quantity,unit_price,description", rows)


def _usage(shop: SimulatedShop, path: Path) -> Path:
    """One event a line, in the shape that event intake reads; `source` tells seeds apart, since ids start anew with each."""
    usage = shop.usage
    source = f"simulation-{shop.spec.seed}"
    columns = zip(
        _named(METERS, usage.meter), _named(shop.customers.key, usage.customer), _instants(usage.at_us), strict=True
    )
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(
            f'{{"id":"u{number:07d}","source":"{source}","type":"{meter}","customer":"{customer}","time":"{at}","data":{{"quantity":1}}}}\n'
            for number, (meter, customer, at) in enumerate(columns, start=1)
        )
    return path


def _subscriptions(shop: SimulatedShop, path: Path) -> Path:
    events = shop.subscriptions
    rows = zip(
        _named(shop.customers.key, events.customer),
        _named(EVENT_KINDS, events.kind),
        _named(EVENT_PLANS, events.plan),
        _instants(events.at_us),
        strict=True,
    )
    return _csv(path, "customer,kind,plan,at", rows)


def _offers(shop: SimulatedShop, path: Path) -> Path:
    offers = shop.offers
    rows = zip(
        _named(shop.customers.key, offers.customer),
        _instants(offers.at_us),
        offers.treated.astype(np.int64).tolist(),
        offers.upgraded_within_30d.astype(np.int64).tolist(),
        strict=True,
    )
    return _csv(path, "customer,at,treated,upgraded_within_30d", rows)


def _truth(shop: SimulatedShop, path: Path) -> Path:
    truth, products, pairs = shop.truth, shop.products, shop.pairs
    document = {
        "spec": {
            "customers": shop.spec.customers,
            "start": format_instant(shop.spec.start),
            "days": shop.spec.days,
            "seed": shop.spec.seed,
            "currency": shop.spec.currency,
            "n_products": shop.spec.n_products,
        },
        "categories": CATEGORIES,
        "pairs": [
            {"anchor": products.key[anchor], "companion": products.key[companion], "chance": round(chance, _DIGITS)}
            for anchor, companion, chance in zip(
                *(_list(column) for column in (pairs.anchor, pairs.companion, pairs.chance)), strict=True
            )
        ],
        "customers": [
            {
                "customer": key,
                "segment": ARCHETYPES[segment].key,
                "monthly_hazard": hazard,
                "price_sensitivity": care,
                "uplift": uplift,
                "orders_per_day": orders,
                "visits_per_day": visits,
                "taste": taste,
                "leaves_at": leaves,
            }
            for key, segment, hazard, care, uplift, orders, visits, taste, leaves in zip(
                shop.customers.key,
                _list(truth.archetype),
                _list(truth.monthly_hazard),
                _list(truth.price_sensitivity),
                _list(truth.uplift),
                _list(truth.orders_per_day),
                _list(truth.visits_per_day),
                _list(truth.taste),
                _instants(truth.leaves_us),
                strict=True,
            )
        ],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")
    return path


def _csv(path: Path, header: str, rows: Iterable[tuple[Any, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def _named(names: Sequence[str], places: NDArray[np.int64]) -> list[str]:
    return [names[place] for place in places.tolist()]


def _instants(at_us: NDArray[np.int64]) -> list[str]:
    texts = np.datetime_as_string(at_us.astype("datetime64[us]"), unit="s").tolist()
    return [f"{text}Z" for text in texts]


def _amounts(minor: NDArray[np.int64], currency: str) -> list[str]:
    return [Money(amount, currency).text for amount in minor.tolist()]


def _list(column: NDArray[Any]) -> list[Any]:
    """Plain values, measures rounded so that the file stays readable."""
    plain: list[Any] = np.round(column, _DIGITS).tolist()
    return plain
