"""Segments and their members: replaced whole, largest first, and every hand-out on record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.errors import ConflictError
from features.segments.store import Segment, SegmentNotFoundError, SegmentStore
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

AS_OF = datetime(2026, 2, 1, tzinfo=UTC)
KEYS = ("ann", "bob", "cleo", "dora")


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with four customers on each engine."""
    return open_shop(database, customers=KEYS)


def _ids(shop: Shop) -> dict[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).ids_by_key(KEYS)


def _segment(key: str, version: str = "v0001") -> Segment:
    return Segment(
        key=key,
        name=key.title(),
        version=version,
        as_of=AS_OF,
        profile={"median": {"orders_365d": 2.5}, "stands_out": {}},
    )


def _replace(shop: Shop, keys: tuple[str, ...], members: dict[str, str], version: str = "v0001") -> None:
    ids = _ids(shop)
    with shop.database.unit(shop.scope) as unit:
        SegmentStore(unit).replace(
            [_segment(key, version) for key in keys], {ids[name]: key for name, key in members.items()}
        )


def test_segments_come_largest_first_with_their_sizes(shop: Shop) -> None:
    """Equal ones by key, empty ones last."""
    _replace(shop, ("quiet", "regular", "new", "big"), {"ann": "big", "bob": "big", "cleo": "regular", "dora": "new"})

    with shop.database.view(shop.scope) as unit:
        found = SegmentStore(unit).all()

    assert [(segment.key, segment.size) for segment in found] == [("big", 2), ("new", 1), ("regular", 1), ("quiet", 0)]
    assert (found[0].name, found[0].as_of, found[0].profile["median"]) == ("Big", AS_OF, {"orders_365d": 2.5})


def test_new_segments_take_the_place_of_the_old_ones_and_their_members(shop: Shop) -> None:
    """A refit that keeps a key, drops one, adds one, and moves and forgets customers."""
    _replace(shop, ("a", "b"), {"ann": "a", "bob": "b", "cleo": "b"})
    _replace(shop, ("b", "c"), {"ann": "c", "bob": "b"}, "v0002")
    ids = _ids(shop)

    with shop.database.view(shop.scope) as unit:
        store = SegmentStore(unit)
        assert {segment.key: segment.version for segment in store.all()} == {"b": "v0002", "c": "v0002"}
        assert store.members() == {ids["ann"]: "c", ids["bob"]: "b"}
        assert store.of_customer(ids["cleo"]) is None
        assert (store.of_customer(ids["ann"]) or _segment("none")).key == "c"
        assert store.members_of("b") == [ids["bob"]]
        with pytest.raises(SegmentNotFoundError):
            store.get("a")


def test_nothing_in_the_place_of_everything_leaves_nothing(shop: Shop) -> None:
    """And a shop that never had segments answers the same."""
    _replace(shop, ("a",), {"ann": "a"})
    _replace(shop, (), {})

    with shop.database.view(shop.scope) as unit:
        assert (SegmentStore(unit).all(), SegmentStore(unit).members()) == ([], {})


def test_a_member_of_no_segment_is_refused_and_the_old_ones_stay(shop: Shop) -> None:
    """The rows point at each other, so a slip cannot leave members without their segment."""
    _replace(shop, ("a",), {"ann": "a"})

    with pytest.raises(ConflictError):
        _replace(shop, ("b",), {"ann": "elsewhere"})

    with shop.database.view(shop.scope) as unit:
        assert [(segment.key, segment.size) for segment in SegmentStore(unit).all()] == [("a", 1)]


def test_tenants_keep_segments_of_the_same_key_apart(shop: Shop) -> None:
    """Each sees its own members, and replacing one's leaves the other's."""
    other = open_shop(shop.database, "Leaf Lane", customers=KEYS)
    _replace(shop, ("a",), {"ann": "a", "bob": "a"})
    _replace(other, ("a",), {"ann": "a"})
    _replace(other, (), {})

    with shop.database.view(shop.scope) as unit:
        assert SegmentStore(unit).get("a").size == 2
