"""Columns become codes, and time cuts them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recommender.interactions import DAY_US, Interactions, InteractionsError, decay

_ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("wxyz"), st.integers(0, 50)), min_size=1, max_size=30
)


def _of(rows: list[tuple[str, str, int]]) -> Interactions:
    return Interactions.from_columns([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def _decoded(part: Interactions) -> list[tuple[str, str, int]]:
    columns = (part.customers[part.row].tolist(), part.items[part.col].tolist(), part.at_us.tolist())
    return sorted(zip(*columns, strict=True))


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, moment=st.integers(-1, 51))
def test_before_and_after_a_moment_are_the_whole(rows: list[tuple[str, str, int]], moment: int) -> None:
    """A cut loses nothing, doubles nothing and keeps the codes' meaning."""
    data = _of(rows)
    parts = _decoded(data.before(moment)) + _decoded(data.between(moment, 100))

    assert sorted(parts) == sorted(rows)
    assert all(at < moment for _, _, at in _decoded(data.before(moment)))
    assert _decoded(data.before(moment).compact()) == _decoded(data.before(moment))


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, seed=st.integers(0, 5))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, str, int]], seed: int) -> None:
    """A shuffled file gives the same arrays."""
    shuffled = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    first, second = _of(rows), _of(shuffled)

    np.testing.assert_array_equal(first.row, second.row)
    np.testing.assert_array_equal(first.col, second.col)
    np.testing.assert_array_equal(first.basket, second.basket)


def test_a_cut_is_a_view() -> None:
    """Selecting by time copies no rows."""
    data = _of([("a", "x", 1), ("b", "y", 2), ("a", "z", 3)])

    assert np.shares_memory(data.before(3).col, data.col)


def test_one_moment_of_one_customer_is_one_basket() -> None:
    """Without a basket column, customer and time make the basket."""
    data = _of([("a", "x", 1), ("a", "y", 1), ("a", "x", 2), ("b", "x", 1)])

    assert len(set(data.basket.tolist())) == 3


def test_unknown_customers_and_items_are_left_out_of_other_codes() -> None:
    """Later rows are told in the codes of the earlier ones, or not at all."""
    known = _of([("a", "x", 1), ("b", "y", 2)])
    later = _of([("a", "y", 5), ("a", "new", 5), ("stranger", "x", 5)])

    assert _decoded(later.encoded_as(known)) == [("a", "y", 5)]
    assert _decoded(later.with_items_of(known)) == [("a", "y", 5), ("stranger", "x", 5)]


def test_columns_of_different_lengths_are_refused() -> None:
    """A missing value shifts no other row."""
    with pytest.raises(InteractionsError, match="as many values"):
        Interactions.from_columns(["a"], ["x", "y"], [1])


def test_the_future_weighs_as_now() -> None:
    """A clock that runs ahead does not make a purchase weigh more than 1."""
    assert decay(np.array([-DAY_US]), 3.0).tolist() == [1.0]
