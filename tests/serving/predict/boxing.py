"""A shop whose Starter plan delivers a box of three, for tests of boxes; every figure can be checked by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.kernel.money import Money
from billing.subscriptions.subscribe import subscribe
from billing.tastes.declare import declare_preferences, describe_item
from features.boxes.box_plan import BoxPeriod, BoxPlan
from features.boxes.chosen.store import BoxStore
from features.boxes.put_up import Stocked, put_box_plan, put_up_shelf
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Database
    from billing.tastes.taste import Preference
    from features.boxes.chosen.box import Box

NOW = START + timedelta(days=1)
CUT_OFF = START + timedelta(days=10)
NEXT_CUT_OFF = START + timedelta(days=40)
ITEMS = {
    "ayla": ("coffee", 200, {"roast": ["dark"], "allergens": []}),
    "brio": ("coffee", 200, {"roast": ["dark"], "allergens": []}),
    "cala": ("coffee", 200, {"roast": ["light"], "allergens": []}),
    "dune": ("coffee", 200, {"roast": ["light"], "allergens": []}),
    "echo": ("sweets", 150, {"taste": ["nutty"], "allergens": ["nuts"]}),
    "fern": ("sweets", 150, {"taste": ["fruity"], "allergens": []}),
    "gale": ("tea", 100, {"leaf": ["green"], "allergens": []}),
    "haze": ("tea", 100, {"leaf": ["black"]}),
}
"""Category, cost in cents and attributes; nobody said whether `haze` has nuts in it."""


def open_boxing(
    database: Database,
    *,
    wishes: Mapping[str, Sequence[Preference]] | None = None,
    stock: int = 10,
    apart: int = 1,
    plan: bool = True,
) -> Shop:
    """Ann and Bob on Starter (9.00 a month), a box of three that keeps 30 %, and the shelf of the period `p1`."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        ProductStore(unit).put(
            Product(
                key=key,
                name=key.title(),
                category=category,
                price=Money(500, "EUR"),
                cost=Money(cost, "EUR"),
                buyable=True,
                added_at=START,
            )
            for key, (category, cost, _) in ITEMS.items()
        )
        for key, (_, _, attributes) in ITEMS.items():
            describe_item(unit, key, attributes, now=START)
        for customer, declared in (wishes or {}).items():
            declare_preferences(unit, customer, declared, now=START)
        for customer in ("ann", "bob"):
            subscribe(unit, customer, "starter", now=START)
        if plan:
            put_box_plan(unit, BoxPlan(key="starter", slots=3, apart=apart), now=START)
    run_billing(database, shop.scope, now=START)
    put_shelf(shop, "p1", stock=stock)
    return shop


def put_shelf(
    shop: Shop, period: str, *, stock: int | Mapping[str, int] = 10, now: datetime = NOW, cut_off: datetime = CUT_OFF
) -> None:
    """The shelf of a period: so many of each item."""
    counts = dict.fromkeys(ITEMS, stock) if isinstance(stock, int) else stock
    with shop.database.unit(shop.scope) as unit:
        wanted = BoxPeriod(key=period, currency="EUR", choose_at=now, cut_off=cut_off)
        put_up_shelf(unit, wanted, [Stocked(item, count) for item, count in counts.items()], now=now)


def box_of(shop: Shop, period: str = "p1", customer: str = "ann") -> Box:
    """A customer's box."""
    with shop.database.view(shop.scope) as unit:
        return BoxStore(unit).get(period, CustomerStore(unit).get(customer).id)
