"""Ratings on their scales."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.feedback.feedback import LONGEST_REASON, SCALES, Feedback, FeedbackError
from tests.shop import START


def _feedback(**other: Any) -> Feedback:
    plain = {"id": "fbk_1", "customer_id": "cus_1", "about_kind": "box", "about": "b", "reason": "", "at": START}
    return Feedback(**{**plain, "rating": 4, "high": 5, **other})


@given(high=st.sampled_from(sorted(SCALES)), data=st.data())
def test_a_share_lies_between_nought_and_one_and_keeps_the_order_of_its_scale(high: int, data: st.DataObject) -> None:
    """The worst is 0, the best is 1, on both scales."""
    low, best = _feedback(rating=SCALES[high], high=high), _feedback(rating=high, high=high)
    rating = data.draw(st.integers(SCALES[high], high - 1))

    assert (low.share, best.share) == (0, 1)
    assert _feedback(rating=rating, high=high).share < _feedback(rating=rating + 1, high=high).share


@pytest.mark.parametrize(
    "bad",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 11, "high": 10},
        {"rating": -1, "high": 10},
        {"rating": 3, "high": 7},
        {"about_kind": "weather"},
        {"reason": "x" * (LONGEST_REASON + 1)},
        {"reason": "a\0"},
    ],
)
def test_what_is_on_no_scale_is_refused(bad: dict[str, Any]) -> None:
    """With a sentence that says what would be."""
    with pytest.raises(FeedbackError):
        _feedback(**bad)
