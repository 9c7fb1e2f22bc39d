"""Feedback: a rating on one of two scales, about one thing, with a reason in the customer's words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from datetime import datetime

ASK_EVERY: Final = timedelta(days=30)
SCALES: Final = {5: 1, 10: 0}
"""The highest rating of a scale, and its lowest: one to five stars, or nought to ten (would you recommend us?)."""
ABOUT: Final = ("decision", "offer", "box", "product", "service")
LONGEST_REASON: Final = 2_000


class FeedbackError(InvalidError):
    """A rating or a reason that cannot be kept."""

    code = "invalid_feedback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A rating from `low` to `high` about `about` (the key or id of a thing of kind `about_kind`; "" for the service as a whole)."""

    id: str
    customer_id: str
    about_kind: str
    about: str
    rating: int
    high: int
    reason: str
    at: datetime
    member: str | None = None

    def __post_init__(self) -> None:
        if self.high not in SCALES or not self.low <= self.rating <= self.high:
            raise FeedbackError(
                "a rating is 1 to 5 with 'scale' 5, or 0 to 10 with 'scale' 10", rating=self.rating, scale=self.high
            )
        if self.about_kind not in ABOUT:
            raise FeedbackError(f"feedback is about one of {', '.join(ABOUT)}", about_kind=self.about_kind[:60])
        if len(self.reason) > LONGEST_REASON or not is_storable(self.reason):
            raise FeedbackError(f"a reason is a text of at most {LONGEST_REASON} characters", field="reason")

    @property
    def low(self) -> int:
        """The lowest rating of its scale."""
        return SCALES[self.high]

    @property
    def share(self) -> float:
        """The rating as a share of its scale, from 0 to 1, so that ratings of both scales have a mean.

        >>> at = None
        >>> Feedback(id="", customer_id="", about_kind="box", about="", rating=4, high=5, reason="", at=at).share
        0.75
        """
        return (self.rating - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """How a thing is rated: how many times, and the mean as a share of the scale (0 to 1)."""

    about_kind: str
    about: str
    count: int
    mean: float
