"""Tilts stay within their bounds, and a quota holds a category back without emptying the list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.choose import Stage, choose
from models.recommender.options import MOST_MARGIN_WEIGHT, MarginWeightError, Options, Quota, Tilts, margin_tilt

INDEX = {name: code for code, name in enumerate("abcdef")}


@settings(max_examples=60)
@given(
    margins=st.dictionaries(st.sampled_from("abcdef"), st.integers(-(10**9), 10**9)),
    weight=st.floats(0, MOST_MARGIN_WEIGHT),
)
def test_no_margin_moves_an_item_further_than_the_bound(margins: dict[str, int], weight: float) -> None:
    """Between a quarter and four times the usual margin, whatever the margins are; unknown ones stay where they are."""
    tilt = margin_tilt(margins, weight, INDEX, 6)
    if tilt is None:
        assert not margins or weight == 0
        return
    assert np.abs(tilt).max() <= weight * np.log(4.0) + 1e-12
    assert all(tilt[INDEX[name]] == 0 for name in INDEX if name not in margins)


def test_without_a_wish_nothing_is_tilted() -> None:
    """The control: no margin weight and no taste leave scores as they are."""
    tilts = Tilts.of(Options(margins_minor={"a": 5}), INDEX, 6)
    scores = np.arange(6.0)

    assert tilts.both is None
    assert tilts.scale(scores) is scores
    with pytest.raises(MarginWeightError):
        Options(margin_weight=0.9)


@settings(max_examples=60)
@given(
    groups=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xy")),
    at_most=st.integers(1, 3),
    k=st.integers(1, 6),
)
def test_a_quota_orders_but_never_shortens(groups: dict[str, str], at_most: int, k: int) -> None:
    """The list is as long as without it; what exceeds a group's share comes after everything that does not."""
    stage = Stage("all", np.arange(6.0)[::-1].copy())
    allowed = np.ones(6, dtype=np.bool_)
    quota = Quota(group_of=groups, at_most=at_most).over(INDEX)
    found = choose([stage], allowed, k, quota)

    assert len(found.codes) == len(set(found.codes)) == k
    within = [
        code for code in found.codes if quota.groups[code] < 0 or _place(found.codes, code, quota.groups) < at_most
    ]
    assert list(found.codes)[: len(within)] == within


def _place(codes: tuple[int, ...], code: int, groups: np.ndarray) -> int:
    return [one for one in codes if groups[one] == groups[code]].index(code)
