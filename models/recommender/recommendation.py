"""What a recommendation says: items with their scores and exact reasons, the level of the fallback chain, and what was lacking.

A reason's share is its part of everything that speaks for the item, in [0, 1]; an item's shares never add up to more than 1.
"""

from __future__ import annotations

from dataclasses import dataclass

BECAUSE_YOU_BOUGHT = "because_you_bought"
GOES_WITH_CART = "goes_with_cart"
TRENDING = "trending"
POPULAR_IN_SEGMENT = "popular_in_segment"
NEW = "new"

PERSONAL_LEVEL = "personal"
SEGMENT_LEVEL = "segment"
TRENDING_LEVEL = "trending"
NEW_LEVEL = "new"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is shown: a kind, the item it rests on where there is one, and its share."""

    kind: str
    item: str | None
    share: float


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """An item with its score, comparable within its level only, and the reasons, strongest first."""

    item: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Items in the order to show; `level` gave the first of them, `shortfall` names why there are fewer than asked."""

    items: tuple[ScoredItem, ...]
    level: str
    shortfall: str | None
