"""A subscriber's box of a period, with why each item is in it; and what the subscriber did about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LONGEST_COMMENT = 500
SWAPPED_OUT, SWAPPED_IN, LIKED, DISLIKED = "swapped_out", "swapped_in", "liked", "disliked"
RATINGS = (LIKED, DISLIKED)


class BoxNotFoundError(NotFoundError):
    """The customer has no box of this period."""

    code = "box_not_found"


class SwapError(ConflictError):
    """An exchange that is not possible; the fact `reason` says why."""

    code = "swap_refused"


class RatingError(InvalidError):
    """A rating of what was not in the box, or a comment that is too long."""

    code = "invalid_rating"


@dataclass(frozen=True, slots=True)
class Content:
    """One item of a box and why it is there: a code for programs, a sentence for people."""

    item: str
    code: str
    sentence: str

    def to_document(self) -> dict[str, str]:
        """What `content_from` reads back."""
        return {"item": self.item, "code": self.code, "sentence": self.sentence}


def content_from(document: Mapping[str, Any]) -> Content:
    """An item of a box from its document."""
    return Content(document["item"], document["code"], document["sentence"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """`contents` best first; `slots` are how many there should be, `short_why` says why some are missing.

    `price_minor` is what the subscriber pays for it, `budget_minor` what the contents may cost, both in the period's currency.
    """

    period: str
    customer_id: str
    plan_key: str
    slots: int
    price_minor: int
    budget_minor: int
    contents: tuple[Content, ...]
    short_why: str
    chosen_at: datetime

    @property
    def items(self) -> tuple[str, ...]:
        """The keys of what is in it."""
        return tuple(each.item for each in self.contents)

    @property
    def missing(self) -> int:
        """How many items it lacks."""
        return self.slots - len(self.contents)

    def swapped(self, out: str, into: Content) -> Box:
        """The box with another item in the place of one."""
        return replace(self, contents=tuple(into if each.item == out else each for each in self.contents))


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What a subscriber did about an item of a period's box: swapped it out or in, or rated it."""

    customer_id: str
    period: str
    item: str
    act: str
    at: datetime
    comment: str = ""
