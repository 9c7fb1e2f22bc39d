"""Typed ids: unique, recognisable by their prefix, and in order of making."""

from __future__ import annotations

import pytest

from billing.kernel.ids import BODY_LENGTH, is_id, new_id


def test_ids_are_unique_and_carry_their_prefix() -> None:
    """A thousand made at once are a thousand ids of that kind."""
    ids = {new_id("inv") for _ in range(1000)}

    assert len(ids) == 1000
    assert all(is_id(text, "inv") for text in ids)
    assert not any(is_id(text, "cus") for text in ids)


@pytest.mark.parametrize("text", ["", "inv", "inv_", "inv_" + "0" * (BODY_LENGTH - 1), "inv_" + "u" * BODY_LENGTH])
def test_what_has_not_the_shape_of_an_id_is_none(text: str) -> None:
    """Wrong lengths and letters outside the alphabet are told apart."""
    assert not is_id(text, "inv")


def test_the_time_of_making_leads_the_id() -> None:
    """The first ten characters are the milliseconds, so ids made later never sort before."""
    first, second = new_id("inv"), new_id("inv")

    assert first[4:14] <= second[4:14]


def test_ids_sort_in_the_order_they_were_made() -> None:
    """Even thousands within one millisecond, so that what was made first is read first."""
    made = [new_id("cus") for _ in range(5000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
