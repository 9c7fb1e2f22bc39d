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
BUY_AGAIN = "buy_again"
SIMILAR_TO = "similar_to"
FITS_YOUR_PRICES = "fits_your_prices"
MATCHES_TASTE = "matches_your_taste"

RANKED_LEVEL = "ranked"  # personal, by the ranker; told as personal
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
    """An item with its score, comparable within its level only, and the reasons, strongest first.

    `chance` is the calibrated probability that a customer who buys within the horizon takes it, where the ranker spoke.
    """

    item: str
    score: float
    reasons: tuple[Reason, ...]
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Items in the order to show; `level` gave the first of them, `shortfall` names why there are fewer than asked.

    `is_ranked` says that the ranker ordered them, and not the blend alone.
    """

    items: tuple[ScoredItem, ...]
    level: str
    shortfall: str | None
    is_ranked: bool = False
