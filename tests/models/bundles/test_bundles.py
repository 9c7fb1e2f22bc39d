"""Bundles from baskets with a known structure: sets that are bought together, and pairs that replace each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.pricing.bundle import DiscountPolicy
from models.bundles.affinity import AffinityConfig, fit_affinity
from models.bundles.grow import GrowthLimits
from models.bundles.snapshot import BundleSnapshot
from models.recommender.interactions import Interactions

if TYPE_CHECKING:
    from pathlib import Path

END_US = 1_000_000


def _baskets() -> Interactions:
    """Pasta with sauce and cheese; a tent with mat and lamp; red and blue kettle: same people, never one basket with both."""
    rng = np.random.default_rng(0)
    sets = (("pasta", "sauce", "cheese"), ("tent", "mat", "lamp"))
    rows: list[tuple[str, str, int, str]] = []

    def buy(customer: int, number: int, items: list[str]) -> None:
        at_us = int(rng.integers(0, END_US))
        rows.extend((f"c{customer}", item, at_us, f"{customer}-{number}") for item in items)

    for customer in range(120):
        for number in range(3):
            chosen = sets[(customer + number) % 2]
            buy(customer, number, [item for item in chosen if rng.random() < 0.85] or [chosen[0]])
        if customer % 3 == 0:
            buy(customer, 10, ["red kettle", "tea"])
            buy(customer, 11, ["blue kettle", "tea"])
    customers, items, times, baskets = zip(*rows, strict=True)
    return Interactions.from_columns(customers, items, times, baskets)


DATA = _baskets()
SNAPSHOT = BundleSnapshot.of(fit_affinity(DATA, END_US), DATA.items, END_US)
PRICES = {item: Money(500 + 100 * at, "EUR") for at, item in enumerate(DATA.items.tolist())}
_ITEM = st.sampled_from([*DATA.items.tolist(), "unknown"])


@settings(max_examples=80, deadline=None)
@given(
    anchor=st.none() | _ITEM,
    history=st.lists(st.tuples(_ITEM, st.integers(0, END_US)), max_size=4),
    blocked=st.sets(_ITEM, max_size=5),
    unpriced=st.sets(_ITEM, max_size=3),
    k=st.integers(1, 4),
)
def test_no_blocked_or_unpriced_item_is_ever_in_a_bundle(
    anchor: str | None, history: list[tuple[str, int]], blocked: set[str], unpriced: set[str], k: int
) -> None:
    """Whatever is asked: at most k bundles of two or three sellable items, which add up and never repeat a partner."""
    prices = {item: price for item, price in PRICES.items() if item not in unpriced}
    found = SNAPSHOT.bundles(anchor, history, blocked, prices, k)
    partners = [item for bundle in found for item in bundle.items if item != bundle.anchor]

    assert len(found) <= k
    assert len(set(partners)) == len(partners)
    for bundle in found:
        assert 2 <= len(bundle.items) <= 3
        assert not set(bundle.items) & (blocked | unpriced | {"unknown"})
        assert sum(part.price.amount_minor for part in bundle.price.parts) == bundle.price.total.amount_minor
        assert [reason.item for reason in bundle.reasons] == list(bundle.items)


def test_a_set_is_found_from_any_of_its_parts() -> None:
    """Sauce calls for pasta and cheese, the lamp for tent and mat."""
    for anchor, expected in (("sauce", {"pasta", "sauce", "cheese"}), ("lamp", {"tent", "mat", "lamp"})):
        bundle = SNAPSHOT.bundles(anchor, [], (), PRICES, 1)[0]

        assert set(bundle.items) == expected
        assert bundle.items[0] == anchor
        assert bundle.fit > 0


def test_substitutes_never_meet() -> None:
    """Two kettles of one customer are never offered together, though both go with tea."""
    for anchor in ("red kettle", "blue kettle", "tea"):
        for bundle in SNAPSHOT.bundles(anchor, [], (), PRICES, 3):
            assert not {"red kettle", "blue kettle"} <= set(bundle.items)
    kettle = DATA.items.tolist().index("red kettle")
    replaced = [code for code in SNAPSHOT.substitutes[kettle].tolist() if code >= 0]
    assert "blue kettle" in DATA.items[replaced].tolist()


def test_an_owned_anchor_finds_partners_but_is_not_sold_again() -> None:
    """The customer has the tent: mat and lamp are the bundle."""
    bundle = SNAPSHOT.bundles("tent", [("tent", 5)], {"tent"}, PRICES, 1)[0]

    assert bundle.anchor == "tent"
    assert set(bundle.items) == {"mat", "lamp"}


def test_without_an_anchor_history_decides_and_says_by_what() -> None:
    """Someone with sauce is offered what continues it, because of the sauce."""
    bundle = SNAPSHOT.bundles(None, [("sauce", 5)], {"sauce"}, PRICES, 1)[0]
    stranger = SNAPSHOT.bundles(None, [], (), PRICES, 1)[0]

    assert set(bundle.items) == {"pasta", "cheese"}
    assert (bundle.reasons[0].kind, bundle.reasons[0].with_item) == ("because_you_bought", "sauce")
    assert stranger.reasons[0].kind == "popular"


def test_a_price_cap_and_a_size_cap_are_kept() -> None:
    """A cap on the list price leaves out what does not fit; a size of two is a pair."""
    cap = PRICES["pasta"].amount_minor + PRICES["cheese"].amount_minor
    capped = SNAPSHOT.bundles("pasta", [], (), PRICES, 1, limits=GrowthLimits(max_list_minor=cap))[0]
    pair = SNAPSHOT.bundles("pasta", [], (), PRICES, 1, limits=GrowthLimits(max_items=2))[0]

    assert capped.price.list_total.amount_minor <= cap
    assert len(pair.items) == 2


def test_costs_and_policy_reach_the_price() -> None:
    """With costs known the full discount is given, and the rule is stated."""
    costs = {item: Money(100, "EUR") for item in PRICES}
    policy = DiscountPolicy(discount_bps=1500)
    bundle = SNAPSHOT.bundles("tent", [], (), PRICES, 1, costs=costs, policy=policy)[0]

    assert bundle.price.discount.amount_minor == bundle.price.list_total.amount_minor * 15 // 100
    assert bundle.price.margin_rule == "margin stays at or above 20 %"


def test_one_currency_a_bundle() -> None:
    """An item priced in another currency stays out."""
    prices = PRICES | {"mat": Money(100, "USD")}

    assert set(SNAPSHOT.bundles("tent", [], (), prices, 1)[0].items) == {"tent", "lamp"}


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    """Saved and loaded, it gives equal bundles."""
    digest = SNAPSHOT.save(tmp_path / "v1")
    loaded = BundleSnapshot.load(tmp_path / "v1")

    assert loaded.content_sha256 == digest
    assert loaded.bundles("tent", [], (), PRICES, 2) == SNAPSHOT.bundles("tent", [], (), PRICES, 2)


def test_a_small_head_leaves_the_tail_without_partners() -> None:
    """Items beyond the most bought ones have no weights, and everything still has its place."""
    fitted = fit_affinity(DATA, END_US, config=AffinityConfig(max_items=3))
    strong = np.flatnonzero(np.abs(fitted.weights.weights).sum(axis=1) > 0)

    assert fitted.weights.items == DATA.items.size
    assert set(strong.tolist()) <= set(np.argsort(-fitted.baskets, kind="stable")[:3].tolist())


def test_the_future_changes_no_affinity() -> None:
    """Baskets at or after the moment are not seen."""
    half = END_US // 2

    np.testing.assert_array_equal(
        fit_affinity(DATA, half).weights.weights, fit_affinity(DATA.before(half), half).weights.weights
    )
    assert fit_affinity(DATA, half).baskets.sum() == pytest.approx(len(DATA.before(half)))
