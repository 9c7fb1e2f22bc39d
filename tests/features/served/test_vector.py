"""Vectors as exact text: nothing is lost, the kept share is what was asked, and one bit is a difference."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from features.served.vector import Served, decode, differences, encode, is_kept, spread

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


@settings(max_examples=150)
@given(value=st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))
def test_a_value_comes_back_with_its_bits_and_its_type(value: float) -> None:
    """Integers stay integers of any size; of floats even the sign of zero is kept."""
    again = decode(encode(value))

    assert (type(again), again) == (type(value), value)
    assert math.copysign(1, again) == math.copysign(1, value)


def test_the_share_is_kept_and_does_not_depend_on_the_answer() -> None:
    """One in a hundred of many answers, give or take what chance allows."""
    moments = [MOMENT + timedelta(seconds=number) for number in range(20_000)]

    kept = sum(is_kept("cus_1", moment, 10_000) for moment in moments)

    assert 140 <= kept <= 260


def test_one_bit_and_one_missing_view_are_differences() -> None:
    """0.3 and the sum of 0.1 and 0.2 are not the same value."""
    served = Served(
        id="srv_1",
        customer_id="cus_1",
        surface="profile",
        as_of=MOMENT,
        served_at=MOMENT,
        spec_hash="h",
        names=("a", "b", "c"),
        values=(1, 0.3, 2),
    )

    found = differences(served, {"a": 1, "b": 0.1 + 0.2})

    assert [(each.name, each.now) for each in found] == [("b", (0.1 + 0.2).hex()), ("c", "gone")]


def test_a_sample_is_spread_over_the_time() -> None:
    """The first is in it, and the steps between are even."""
    ids = [f"{number:03}" for number in range(100)]

    assert spread(ids, 4) == ["000", "025", "050", "075"]
    assert spread(ids, 100) == ids
