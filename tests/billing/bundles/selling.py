"""A shop with products and add-ons for tests of bundles, with prices that can be checked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.bundles.bundle import BundlePart, PartKind
from billing.bundles.policy import BundlePolicy
from billing.catalog.item import Product
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.products.store import ProductStore
from billing.catalog.publish import Draft, publish
from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.pricing.bundle import DiscountPolicy
from billing.pricing.ratecard import meter_of
from billing.revenue.check.books import check_books
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, fee, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database
    from billing.invoices.invoice import Invoice
    from tests.shop import Shop

TEN_OFF = BundlePolicy(
    discounts=DiscountPolicy(discount_bps=1_000, margin_floor_bps=2_000, blind_discount_bps=1_000),
    tax_classes={"food": "reduced"},
)
BEANS, MUG, BOX = BundlePart("beans"), BundlePart("mug"), BundlePart("tasting_box", PartKind.ADDON)
SETUP = BundlePart("setup", PartKind.ADDON)
_PRODUCTS = (
    ("beans", "Coffee beans", "food", 1_250, 400),
    ("mug", "Mug", "ware", 799, 300),
    ("cup", "Cup", "ware", 5, 1),
)


def open_selling(database: Database) -> Shop:
    """The shop of `tests.shop` with beans (12.50), a mug (7.99), a cup (0.05) and an add-on that is bought once (25.00)."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        ProductStore(unit).put(
            Product(
                key=key,
                name=name,
                category=category,
                price=Money(price, "EUR"),
                cost=Money(cost, "EUR"),
                buyable=True,
                added_at=START,
            )
            for key, name, category, price, cost in _PRODUCTS
        )
        draft = Draft(
            key="setup",
            name="Setup",
            kind=PlanKind.ADDON,
            rank=3,
            currency="EUR",
            interval="month",
            charges=[fee("Setup", "25.00")],
            grants=[Granted("early_access", value=True)],
            terms={"billing": "once"},
        )
        publish(unit, draft, read_charge=meter_of, now=START)
    return shop


def start(shop: Shop, customer: str = "ann", now: datetime = START) -> str:
    """A customer's Starter subscription, its first fee billed."""
    with shop.database.unit(shop.scope) as unit:
        started = subscribe(unit, customer, "starter", now=now)
    run_billing(shop.database, shop.scope, now=now)
    return started.id


def id_of(shop: Shop, customer: str = "ann") -> str:
    """A customer's id."""
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get(customer).id


def invoice_of(shop: Shop, invoice_id: str) -> Invoice:
    """An invoice by its id or number."""
    with shop.database.view(shop.scope) as unit:
        return InvoiceStore(unit).get(invoice_id)


def findings(shop: Shop) -> list[str]:
    """What does not hold of the shop's books."""
    with shop.database.view(shop.scope) as unit:
        return [found.sentence for found in check_books(unit)]
