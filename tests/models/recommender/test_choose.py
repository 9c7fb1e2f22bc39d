"""The choke point: nothing filtered ever comes out, and a short list says why."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.choose import (
    ALL_FILTERED,
    NO_CANDIDATES,
    SMALL_CATALOGUE,
    Stage,
    allowed_items,
    best_codes,
    choose,
)

_SIZE = 12
_CODES = st.lists(st.integers(0, _SIZE - 1), max_size=8)
_SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), min_size=_SIZE, max_size=_SIZE)
_FLAGS = st.lists(st.booleans(), min_size=_SIZE, max_size=_SIZE)


@settings(max_examples=150, deadline=None)
@given(
    owned=_CODES,
    blocked=_CODES,
    cart=_CODES,
    chain=st.lists(st.tuples(_SCORES, _FLAGS), max_size=4),
    k=st.integers(0, 15),
)
def test_no_filtered_item_leaks(
    owned: list[int], blocked: list[int], cart: list[int], chain: list[tuple[list[float], list[bool]]], k: int
) -> None:
    """Along any chain: no masked item, no item twice, and k items or a named shortfall."""
    allowed = allowed_items(_SIZE, owned, blocked, cart)
    stages = [Stage("any", np.array(scores), np.array(flags)) for scores, flags in chain]
    choice = choose(stages, allowed, k)

    assert not set(choice.codes) & {*owned, *blocked, *cart}
    assert len(set(choice.codes)) == len(choice.codes) == len(choice.stages) <= k
    assert (choice.shortfall is None) == (len(choice.codes) == k)


@settings(max_examples=100, deadline=None)
@given(scores=_SCORES, flags=_FLAGS, k=st.integers(1, 15))
def test_the_best_are_the_best(scores: list[float], flags: list[bool], k: int) -> None:
    """Equal to sorting everything allowed by score, then code."""
    expected = sorted((code for code in range(_SIZE) if flags[code]), key=lambda code: (-scores[code], code))[:k]

    assert best_codes(np.array(scores), np.array(flags), k).tolist() == expected


def test_a_shortfall_names_what_was_lacking() -> None:
    """Too small a catalogue, too many filters, or nothing to say."""
    everything = allowed_items(3)
    silent = Stage("silent", np.zeros(3), np.zeros(3, dtype=np.bool_))

    assert choose([Stage("all", np.zeros(3))], everything, 4).shortfall == SMALL_CATALOGUE
    assert choose([Stage("all", np.zeros(3))], allowed_items(3, [0, 1]), 2).shortfall == ALL_FILTERED
    assert choose([silent], everything, 2).shortfall == NO_CANDIDATES
