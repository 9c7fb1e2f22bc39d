"""What serving loads: levels, reasons, masks, and the round trip through a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.blend import BlendConfig, fit_blend
from models.recommender.choose import ALL_FILTERED
from models.recommender.contract import Histories
from models.recommender.ease import EaseConfig
from models.recommender.fit import FitConfig, build_snapshot
from models.recommender.snapshot import RecommenderSnapshot
from models.recommender.trend import TrendConfig
from tests.models.recommender.contract import AS_OF_US, TASTES, all_histories, checkerboard

if TYPE_CHECKING:
    from pathlib import Path

DATA = checkerboard(60)
CONFIG = BlendConfig(ease=EaseConfig(shrinkage=5.0), popularity_weight=0.2)
FITTED = fit_blend(DATA, AS_OF_US, config=CONFIG)
SEGMENTS = {customer: f"taste {int(customer[1:]) % TASTES}" for customer in DATA.customers.tolist()}
SNAPSHOT = build_snapshot(
    FITTED,
    DATA,
    as_of_us=AS_OF_US,
    segments=SEGMENTS,
    item_first_seen={"unsold": AS_OF_US - 1, "older": AS_OF_US - 2},
    config=FitConfig(),
)
ITEMS = [*DATA.items.tolist(), "unsold", "older"]
_ITEM = st.sampled_from([*ITEMS, "never heard of"])


def _history(code: int) -> list[tuple[str, int]]:
    mine = DATA.row_mask(np.arange(DATA.customers.size) == code)
    return list(zip(DATA.items[mine.col].tolist(), mine.at_us.tolist(), strict=True))


@settings(max_examples=80, deadline=None)
@given(
    history=st.lists(st.tuples(_ITEM, st.integers(0, AS_OF_US)), max_size=10),
    blocked=st.sets(_ITEM, max_size=16),
    cart=st.lists(_ITEM, max_size=3),
    segment=st.sampled_from([None, "taste 0", "no such segment"]),
    k=st.integers(1, 20),
)
def test_nothing_blocked_or_in_the_cart_is_ever_shown(
    history: list[tuple[str, int]], blocked: set[str], cart: list[str], segment: str | None, k: int
) -> None:
    """Whatever is asked, there is an answer: k known items, none filtered, or all that are left and a name for it."""
    found = SNAPSHOT.recommend(history, now_us=AS_OF_US, k=k, blocked=blocked, cart=cart, segment=segment)
    shown = [item.item for item in found.items]
    left = set(ITEMS) - blocked - set(cart)

    assert set(shown) <= left
    assert len(set(shown)) == len(shown) == min(k, len(left))
    assert (found.shortfall is None) == (len(shown) == k)


@settings(max_examples=60, deadline=None)
@given(code=st.integers(0, 59), cart=st.lists(_ITEM, max_size=2))
def test_shares_are_parts_of_one_whole(code: int, cart: list[str]) -> None:
    """Each share is in (0, 1], they never exceed 1 together, and the strongest comes first."""
    found = SNAPSHOT.recommend(_history(code), now_us=AS_OF_US, k=10, blocked=(), cart=cart)

    for item in found.items:
        shares = [reason.share for reason in item.reasons]
        assert shares == sorted(shares, reverse=True)
        assert all(0 < share <= 1 for share in shares)
        assert sum(shares) <= 1 + 1e-9


def test_serving_gives_the_scores_that_were_judged_offline() -> None:
    """The arrays answer as the fitted model does, to the precision of the stored weights."""
    offline = FITTED.score(all_histories(DATA))
    for code in range(0, DATA.customers.size, 7):
        found = SNAPSHOT.recommend(_history(code), now_us=AS_OF_US, k=10, blocked=())
        personal = [item for item in found.items if any(reason.kind == "because_you_bought" for reason in item.reasons)]
        expected = [offline[code, DATA.items.tolist().index(item.item)] for item in personal]

        assert personal
        np.testing.assert_allclose([item.score for item in personal], expected, rtol=1e-4)


def test_the_share_of_a_reason_is_what_its_item_adds() -> None:
    """Without trend and popularity: taking an item out of the history lowers the score by exactly its share of all that speaks for it."""
    config = BlendConfig(ease=EaseConfig(shrinkage=5.0), trend=TrendConfig(exponent=0.0), popularity_weight=0.0)
    fitted = fit_blend(DATA, AS_OF_US, config=config)
    plain = build_snapshot(fitted, DATA, as_of_us=AS_OF_US, segments={}, item_first_seen={}, config=FitConfig())
    history = _history(0)
    owned = {item for item, _ in history}

    def scores(events: list[tuple[str, int]]) -> dict[str, float]:
        return {item.item: item.score for item in plain.recommend(events, now_us=AS_OF_US, k=16, blocked=owned).items}

    best = plain.recommend(history, now_us=AS_OF_US, k=1, blocked=owned).items[0]
    drops = {
        item: best.score - scores([event for event in history if event[0] != item]).get(best.item, 0.0)
        for item in owned
    }
    speaking = sum(drop for drop in drops.values() if drop > 0)

    assert len(best.reasons) > 1
    for reason in best.reasons:
        assert reason.share == pytest.approx(drops[reason.item or ""] / speaking, rel=1e-4)


def test_levels_fall_back_along_the_chain() -> None:
    """Personal, then segment, then trending, then the newest, and never an error."""
    sold = set(DATA.items.tolist())

    def level(history: list[tuple[str, int]], blocked: set[str], segment: str | None) -> str:
        return SNAPSHOT.recommend(history, now_us=AS_OF_US, k=3, blocked=blocked, segment=segment).level

    assert level(_history(0), set(), "taste 0") == "personal"
    assert level([("never heard of", 5)], set(), "taste 0") == "segment"
    assert level([], set(), None) == "trending"
    assert level([], sold, "taste 0") == "new"


def test_the_newest_comes_first_where_nothing_else_is_known() -> None:
    """Items nobody took yet are offered newest first."""
    found = SNAPSHOT.recommend([], now_us=AS_OF_US, k=3, blocked=set(DATA.items.tolist()))

    assert [item.item for item in found.items] == ["unsold", "older"]
    assert {reason.kind for item in found.items for reason in item.reasons} == {"new"}
    assert found.shortfall == ALL_FILTERED


def test_a_segment_sees_its_own_taste() -> None:
    """Popular within the segment, not within the shop."""
    for taste in range(TASTES):
        found = SNAPSHOT.recommend([], now_us=AS_OF_US, k=5, blocked=(), segment=f"taste {taste}")

        assert {int(item.item[1:]) % TASTES for item in found.items} == {taste}
        assert {reason.kind for item in found.items for reason in item.reasons} == {"popular_in_segment"}


def test_a_cart_speaks_and_says_so() -> None:
    """A stranger with a cart gets a personal list of the cart's colour, because of the cart."""
    found = SNAPSHOT.recommend([], now_us=AS_OF_US, k=3, blocked=(), cart=["i02", "i04"])

    assert found.level == "personal"
    assert all(int(item.item[1:]) % TASTES == 0 for item in found.items)
    assert all("goes_with_cart" in [reason.kind for reason in item.reasons] for item in found.items)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    """Saved and loaded, it gives equal answers."""
    digest = SNAPSHOT.save(tmp_path / "v1")
    loaded = RecommenderSnapshot.load(tmp_path / "v1")

    def ask(snapshot: RecommenderSnapshot) -> object:
        return snapshot.recommend(
            _history(3), now_us=AS_OF_US + 5, k=8, blocked={"i01"}, cart=["i03"], segment="taste 1"
        )

    assert loaded.content_sha256 == digest
    assert loaded.as_of_us == AS_OF_US
    assert ask(loaded) == ask(SNAPSHOT)


@pytest.mark.parametrize("code", [0, 1])
def test_repeats_matter_only_where_they_may_be_shown(code: int) -> None:
    """Unblocked, what one takes often leads; blocked, only new items are left and nothing else changes."""
    owned = {item for item, _ in _history(code)}
    again = SNAPSHOT.recommend(_history(code), now_us=AS_OF_US, k=1, blocked=()).items[0]
    fresh = SNAPSHOT.recommend(_history(code), now_us=AS_OF_US, k=1, blocked=owned).items[0]

    assert again.item in owned
    assert fresh.item not in owned


def test_histories_of_a_snapshot_and_a_fit_are_the_same_events() -> None:
    """One event a basket line, as the model was fitted."""
    histories = Histories.of(DATA, np.array([0]), AS_OF_US)

    assert histories.col.size == len(_history(0))
