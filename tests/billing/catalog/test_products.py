"""Products: replaced by key, and never a manual one by what a purchase shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.kernel.money import Money
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

MUG = Product(
    key="mug",
    name="Mug",
    category="",
    price=Money.of("8.00", "EUR"),
    cost=None,
    buyable=True,
    added_at=START,
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop without products."""
    return open_shop(database)


def _put(shop: Shop, *products: Product) -> None:
    with shop.database.unit(shop.scope) as unit:
        ProductStore(unit).put(products)


def _note(shop: Shop, *products: Product) -> None:
    with shop.database.unit(shop.scope) as unit:
        ProductStore(unit).note({product.key: (product, product.added_at) for product in products})


def _all(shop: Shop) -> dict[str, Product]:
    with shop.database.view(shop.scope) as unit:
        return ProductStore(unit).all()


def test_products_are_replaced_by_key(shop: Shop) -> None:
    """New and known ones in one call; the last of a key counts."""
    pot = replace(MUG, key="pot", category="tea", cost=Money.of("3.10", "EUR"))
    _put(shop, MUG)

    _put(shop, replace(MUG, name="Old"), pot, replace(MUG, name="Big mug"))

    assert _all(shop) == {"mug": replace(MUG, name="Big mug"), "pot": pot}


def test_a_product_that_only_purchases_know_follows_them(shop: Shop) -> None:
    """Its price and name are the latest; it stays as old as its first sale."""
    _note(shop, MUG)

    _note(shop, replace(MUG, price=Money.of("9.00", "EUR"), name="Big mug", added_at=START + timedelta(days=5)))

    assert _all(shop) == {"mug": replace(MUG, price=Money.of("9.00", "EUR"), name="Big mug")}


@pytest.mark.parametrize(
    "kept",
    [
        replace(MUG, category="cups"),
        replace(MUG, cost=Money.of("2.00", "EUR")),
        replace(MUG, buyable=False),
    ],
)
def test_what_the_business_said_of_a_product_is_kept(shop: Shop, kept: Product) -> None:
    """A category, a cost, or that it is not for sale: a purchase overwrites nothing of it."""
    _put(shop, kept)

    _note(shop, replace(MUG, price=Money.of("1.00", "EUR"), name="Discounted"))

    assert _all(shop) == {"mug": kept}


def test_a_line_without_a_name_keeps_the_name(shop: Shop) -> None:
    """An export may leave descriptions out."""
    _note(shop, MUG)

    _note(shop, replace(MUG, name="", price=Money.of("9.00", "EUR")))

    assert _all(shop)["mug"].name == "Mug"


def test_the_newest_are_shown_without_the_blocked(shop: Shop) -> None:
    """In order of when they were added; ties by key, and as many as asked."""
    _put(
        shop,
        *(
            replace(MUG, key=key, added_at=START + timedelta(days=day))
            for key, day in zip("abcd", [1, 3, 3, 2], strict=True)
        ),
    )

    with shop.database.view(shop.scope) as unit:
        found = [product.key for product in ProductStore(unit).newest({"b"}, 2)]
    assert found == ["c", "d"]


def test_products_of_two_tenants_do_not_meet(shop: Shop) -> None:
    """The same key at another price."""
    other = open_shop(shop.database, "Leaf Lane")
    _put(shop, MUG)
    _put(other, replace(MUG, price=Money.of("1.00", "EUR")))

    assert _all(shop) == {"mug": MUG}
