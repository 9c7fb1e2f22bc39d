"""A shop that has lived has whole books, and one tenant's check knows nothing of another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.revenue.check.books import check_books
from billing.revenue.check.registry import CHECKS
from tests.shop import open_shop

if TYPE_CHECKING:
    from tests.shop import Shop


def test_a_shop_that_has_lived_has_nothing_to_find(lived: Shop) -> None:
    """Every check is run, in turn, and finds nothing."""
    done: list[str] = []
    with lived.database.view(lived.scope) as unit:
        assert check_books(unit, progress=done.append) == []
    assert done == list(CHECKS)


def test_an_empty_shop_has_nothing_to_find(lived: Shop) -> None:
    """A second tenant of the same database begins with nothing."""
    other = open_shop(lived.database, "Leaf Lane", customers=("cleo",))
    with lived.database.view(other.scope) as unit:
        assert check_books(unit) == []
