"""The ranker on a shop with tastes: what it learns, that it never sees the future, and that serving computes what training did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.blend import fit_blend
from models.recommender.contract import Histories
from models.recommender.evaluate import ANY, NEW, build_tasks, per_customer
from models.recommender.fit import FitConfig, build_snapshot
from models.recommender.interactions import DAY_US
from models.recommender.options import Options
from models.recommender.popular import fit_popular
from models.recommender.ranker.addon import ADDON, hide_one, score_baskets
from models.recommender.ranker.fit import RankerConfig, RankerFit
from models.recommender.ranker.heads import TreeConfig
from models.recommender.ranker.pairs import FEATURES, candidate_pairs, features
from models.recommender.ranker.reading import read
from models.recommender.ranker.told import GROUPS
from models.recommender.snapshot import RecommenderSnapshot
from tests.models.recommender.simulated_shop import SHOP_END_US, simulated_shop

if TYPE_CHECKING:
    from pathlib import Path

SHOP = simulated_shop(240)
CUT_US = SHOP_END_US - 20 * DAY_US
CONFIG = RankerConfig(horizon_days=20, windows=2, trees=TreeConfig(trees=25))
NAMES = {f"i{item}": f"Taste {item % 4} thing {item}" for item in range(60)}
RANKING = RankerFit(SHOP, names=NAMES, config=CONFIG)
JUDGED = RANKING.fitted(CUT_US)
assert JUDGED is not None
RANKER = RANKING.serving(JUDGED, CUT_US, SHOP_END_US)
SNAPSHOT = build_snapshot(
    fit_blend(SHOP, SHOP_END_US),
    SHOP,
    as_of_us=SHOP_END_US,
    segments={},
    item_first_seen={"unsold": SHOP_END_US - 1},
    config=FitConfig(),
    ranker=RANKER,
)
ITEMS = [*SHOP.items.tolist(), "unsold"]
_ITEM = st.sampled_from([*ITEMS, "never heard of"])


def _history(code: int) -> list[tuple[str, int]]:
    mine = SHOP.row_mask(np.arange(SHOP.customers.size) == code)
    return list(zip(SHOP.items[mine.col].tolist(), mine.at_us.tolist(), strict=True))


def test_tastes_are_learned() -> None:
    """On a month that it has not seen, the ranker finds more of what people take than popularity does, on both tasks."""
    assert JUDGED is not None
    train, test = SHOP.before(CUT_US).compact(), SHOP.between(CUT_US, SHOP_END_US)
    popular = fit_popular(train, CUT_US)
    for task in build_tasks(train, test):
        ours = per_customer(JUDGED.for_task(task.name), train, task, as_of_us=CUT_US, k=5).recall.mean()
        theirs = per_customer(popular, train, task, as_of_us=CUT_US, k=5).recall.mean()
        assert ours > 1.2 * theirs, task.name


def test_the_future_changes_no_tree_and_no_score() -> None:
    """Fitted on the whole shop or on what lies before the moment, the texts of the trees are the same to the letter."""
    assert JUDGED is not None
    past = RankerFit(SHOP.before(CUT_US), names=NAMES, config=CONFIG).fitted(CUT_US)
    assert past is not None
    for task, head in JUDGED.heads.items():
        assert head.texts == past.heads[task].texts


def test_one_customer_reads_as_in_a_batch() -> None:
    """The features of a live request are those of the training batch, to the precision of 32 bits."""
    codes = np.arange(0, 40)
    knowledge = RANKER.knowledge
    batch = read(knowledge, Histories.of(SHOP, codes, SHOP_END_US))
    everything = np.ones((codes.size, knowledge.size), dtype=np.bool_)
    row, col = candidate_pairs(knowledge, batch, everything, with_owned=True)
    table = features(knowledge, batch, row, col)
    for code in codes[:10].tolist():
        alone = read(knowledge, Histories.of(SHOP, np.array([code]), SHOP_END_US))
        one_row, one_col = candidate_pairs(knowledge, alone, everything[:1], with_owned=True)

        np.testing.assert_array_equal(one_col, col[row == code])
        found = features(knowledge, alone, one_row, one_col)
        np.testing.assert_allclose(found, table[row == code], rtol=2e-4, atol=1e-5, equal_nan=True)


def test_parts_add_up_to_the_score() -> None:
    """What the groups add and the base are the score, exactly; the score is LightGBM's own."""
    served = SNAPSHOT.ranker
    assert served is not None
    codes = np.array([0, 4, 8], dtype=np.int64)
    ranked = served.rank(
        codes,
        np.full(3, SHOP_END_US - DAY_US),
        now_us=SHOP_END_US,
        allowed=np.ones(served.size, dtype=np.bool_),
        target=NEW,
    )
    parts = served.parts(NEW, ranked.leaves)

    assert parts.shape == (ranked.codes.size, len(GROUPS))
    np.testing.assert_allclose(parts.sum(axis=1) + served.base(NEW), ranked.scores, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(served.heads[NEW].score(ranked.table), ranked.scores, rtol=1e-9, atol=1e-12)
    assert ranked.table.shape[1] == len(FEATURES)


def test_chances_are_honest() -> None:
    """Over the horizon they were fitted to, promised and found rates of new items agree within a tenth."""
    window = build_tasks(SHOP.before(CUT_US).compact(), SHOP.between(CUT_US, SHOP_END_US))[0]
    served = build_snapshot(
        fit_blend(SHOP, CUT_US),
        SHOP.before(CUT_US).compact(),
        as_of_us=CUT_US,
        segments={},
        item_first_seen={},
        config=FitConfig(),
        ranker=RANKING.serving(JUDGED, CUT_US, CUT_US) if JUDGED else None,
    ).ranker
    assert served is not None
    known = SHOP.before(CUT_US).compact()
    promised = 0.0
    for code in window.customers.tolist():
        mine = Histories.of(known, np.array([code]), CUT_US)
        allowed = np.ones(served.size, dtype=np.bool_)
        promised += float(
            served.rank(mine.col.astype(np.int64), mine.at_us, now_us=CUT_US, allowed=allowed, target=NEW).chances.sum()
        )
    # customers without a new item in the window belong to the promise too, so it is a bound from below
    assert promised == pytest.approx(window.truth.sum(), rel=0.2)


@settings(max_examples=60, deadline=None)
@given(
    history=st.lists(st.tuples(_ITEM, st.integers(0, SHOP_END_US)), max_size=8),
    blocked=st.sets(_ITEM, max_size=40),
    cart=st.lists(_ITEM, max_size=3),
    target=st.sampled_from(["new", "any", "reorder", "addon"]),
    k=st.integers(1, 15),
    taste=st.floats(-2, 2),
)
def test_nothing_blocked_or_in_the_cart_is_shown_for_any_target(  # noqa: PLR0917 (Hypothesis gives each by name)
    history: list[tuple[str, int]], blocked: set[str], cart: list[str], target: str, k: int, taste: float
) -> None:
    """Whatever the target, tilts and history: only allowed items, each once, with shares that are parts of one whole."""
    wish = Options(target=target, tastes={"i3": taste}, margins_minor={"i1": 500, "i2": 10}, margin_weight=0.5)
    found = SNAPSHOT.recommend(history, now_us=SHOP_END_US, k=k, blocked=blocked, cart=cart, options=wish)
    shown = [item.item for item in found.items]
    left = set(ITEMS) - blocked - set(cart)
    if target == "reorder":
        left &= {item for item, _ in history}

    assert set(shown) <= left
    assert len(set(shown)) == len(shown) == min(k, len(left))
    for item in found.items:
        shares = [reason.share for reason in item.reasons]
        assert all(0 < share <= 1 + 1e-9 for share in shares)
        assert sum(shares) <= 1 + 1e-6


def test_the_control_is_the_blend() -> None:
    """Without the ranker the answer is what a snapshot that never had one gives."""
    plain = build_snapshot(
        fit_blend(SHOP, SHOP_END_US),
        SHOP,
        as_of_us=SHOP_END_US,
        segments={},
        item_first_seen={"unsold": SHOP_END_US - 1},
        config=FitConfig(),
    )
    history = _history(3)
    control = SNAPSHOT.recommend(history, now_us=SHOP_END_US, k=8, blocked=(), options=Options(use_ranker=False))

    assert control == plain.recommend(history, now_us=SHOP_END_US, k=8, blocked=())
    assert not control.is_ranked


def test_a_snapshot_keeps_its_ranker(tmp_path: Path) -> None:
    """Saved and loaded, it ranks, explains and promises the same."""
    SNAPSHOT.save(tmp_path / "v1")
    loaded = RecommenderSnapshot.load(tmp_path / "v1")
    for target in (NEW, ANY, ADDON):
        asked = {"now_us": SHOP_END_US, "k": 7, "blocked": {"i1"}, "cart": ["i5"], "options": Options(target=target)}
        assert loaded.recommend(_history(7), **asked) == SNAPSHOT.recommend(_history(7), **asked)  # type: ignore[arg-type]


def test_a_hidden_item_is_found_more_often_than_by_chance() -> None:
    """Baskets of one taste: the ranked scores put the hidden item among ten far more often than ten of sixty would."""
    known = SHOP.before(CUT_US).compact()
    assert JUDGED is not None
    baskets = hide_one(known, SHOP.between(CUT_US, SHOP_END_US), np.random.default_rng(0))
    hits = 0
    for start, scores in score_baskets(JUDGED.knowledge, JUDGED.heads[ADDON], known, baskets, CUT_US):
        scores[baskets.visible[start : start + scores.shape[0]].toarray() > 0] = -np.inf
        best = np.argsort(-scores, axis=1)[:, :10]
        hits += int((best == baskets.hidden[start : start + scores.shape[0], None]).sum())

    assert hits / baskets.hidden.size > 0.35
