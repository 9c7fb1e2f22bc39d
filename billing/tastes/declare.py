"""Use cases: say what an item is, and what a customer wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.tastes.store import TasteStore
from billing.tastes.taste import attributes_from, preferences_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.tastes.taste import Preference


def describe_item(
    unit: Unit, item: str, given: Mapping[str, Iterable[str]], *, now: datetime
) -> dict[str, frozenset[str]]:
    """Keep what an item is, in place of what was said before; the item need not be in the catalogue yet."""
    attributes = attributes_from(given)
    TasteStore(unit).put_attributes(item, attributes, now)
    return attributes


def declare_preferences(unit: Unit, key: str, given: Sequence[Preference], *, now: datetime) -> tuple[Preference, ...]:
    """Keep what a customer declared, in place of what they declared before."""
    customer = CustomerStore(unit).lock(key)
    preferences = preferences_from(given)
    TasteStore(unit).put_preferences(customer.id, preferences, now)
    return preferences
