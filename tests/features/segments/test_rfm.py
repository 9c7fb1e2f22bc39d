"""Fifths of a tenant's buyers: known answers, equal values together, and nothing but order matters."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.segments.rfm import NAMES, Rfm, fifth, score

VALUES = st.lists(st.integers(-20, 20), min_size=1, max_size=60)


def test_ten_different_values_make_five_pairs() -> None:
    """The textbook's case."""
    assert fifth(np.arange(10)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_recency_is_better_when_smaller_and_who_did_not_buy_has_no_fifths() -> None:
    """Five buyers from best to worst, and one who only looked."""
    found = score([1, 5, 9, 40, 90, 3650], [9, 7, 5, 3, 1, 0], [900, 700, 500, 300, 100, 0])

    assert [None if each is None else each.code for each in found] == ["555", "444", "333", "222", "111", None]
    assert [each.name for each in found if each is not None] == [
        "champions",
        "champions",
        "need_attention",
        "hibernating",
        "lost",
    ]


def test_every_combination_has_a_name() -> None:
    """All 125 of them, and each name is somebody's."""
    names = {Rfm(*each).name for each in product(range(1, 6), repeat=3)}

    assert names == set(NAMES)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, seed=st.integers(0, 99))
def test_only_the_order_of_values_matters(values: list[int], seed: int) -> None:
    """Any order of rows and any increasing change of scale give the same fifths; equal values share one, larger never has less."""
    array = np.array(values, dtype=np.int64)
    found = fifth(array)
    shuffled = np.random.default_rng(seed).permutation(len(array))

    assert fifth(array[shuffled]).tolist() == found[shuffled].tolist()
    assert fifth(array**3 * 7 + 5).tolist() == found.tolist()
    assert {int(value) for value in found} <= {1, 2, 3, 4, 5}
    for value in set(values):
        assert len(set(found[array == value].tolist())) == 1
    assert np.all(np.diff(found[np.argsort(array, kind="stable")]) >= 0)


def test_nobody_and_one_are_answered() -> None:
    """A shop's first day."""
    assert score([], [], []) == []
    assert score([3], [1], [100]) == [Rfm(3, 3, 3)]
