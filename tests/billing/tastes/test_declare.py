"""Keeping what items are and what customers want, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.customers.customer import CustomerNotFoundError
from billing.customers.store import CustomerStore
from billing.tastes.declare import declare_preferences, describe_item
from billing.tastes.store import TasteStore
from billing.tastes.taste import Kind, Preference
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

NUTS = Preference(kind=Kind.NEVER, key="allergens", value="nuts")
VEGAN = Preference(kind=Kind.LIKE, key="diet", value="vegan", weight=40)


def test_what_is_said_last_stands(database: Database) -> None:
    """Attributes and preferences are replaced whole and read as they were given."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        describe_item(unit, "bar", {"diet": ["Vegan"]}, now=START)
        describe_item(unit, "bar", {"allergens": []}, now=START)
        declare_preferences(unit, "ann", [VEGAN], now=START)
        declare_preferences(unit, "ann", [NUTS, VEGAN], now=START)
    with database.view(shop.scope) as unit:
        store, ann = TasteStore(unit), CustomerStore(unit).get("ann")

        assert store.attributes("bar") == {"allergens": frozenset()}
        assert store.attributes("unheard of") is None
        assert store.all_attributes() == {"bar": {"allergens": frozenset()}}
        assert store.preferences(ann.id) == (VEGAN, NUTS)
        assert store.preferences(CustomerStore(unit).get("bob").id) == ()


def test_nobody_is_refused_and_the_forgotten_have_no_wishes(database: Database) -> None:
    """A customer that does not exist declares nothing; forgetting removes the row and no other."""
    shop = open_shop(database)
    with pytest.raises(CustomerNotFoundError), database.unit(shop.scope) as unit:
        declare_preferences(unit, "nobody", [NUTS], now=START)
    with database.unit(shop.scope) as unit:
        declare_preferences(unit, "ann", [NUTS], now=START)
        declare_preferences(unit, "bob", [VEGAN], now=START)
        ann, bob = CustomerStore(unit).get("ann").id, CustomerStore(unit).get("bob").id

        assert TasteStore(unit).forget(ann) == 1
        assert TasteStore(unit).preferences(ann) == ()
        assert TasteStore(unit).preferences(bob) == (VEGAN,)
