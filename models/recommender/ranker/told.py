"""What each feature speaks of, and how the parts of a score become reasons for people: shares of all that speaks for an item.

A group's part is what its features added on the trees' paths. What rests on the history is handed on to the items that the customer has by
how strongly each relates to the item shown; the features of the customer alone speak for no item and are no reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.recommender.ranker.pairs import FEATURES
from models.recommender.recommendation import (
    BECAUSE_YOU_BOUGHT,
    BUY_AGAIN,
    FITS_YOUR_PRICES,
    GOES_WITH_CART,
    MATCHES_TASTE,
    SIMILAR_TO,
    TRENDING,
    Reason,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.recommender.interactions import Floats
    from models.recommender.item_weights import ItemWeights
    from models.recommender.ranker.knowledge import Knowledge

GROUPS = ("history", "names", "own", "trend", "price", "customer")
MOST_REASONS = 3
SMALLEST_SHARE = 0.05
_HISTORY, _NAMES, _OWN, _TREND, _PRICE, _CUSTOMER = range(len(GROUPS))


def group_of(feature: str) -> int:
    """The place in `GROUPS` of a feature.

    >>> [GROUPS[group_of(name)] for name in ("score_fading", "item_popular_7d", "own_baskets", "customer_due", "price_to_usual")]
    ['history', 'trend', 'own', 'customer', 'price']
    """
    if feature.startswith(("own_", "blend")):
        return GROUPS.index("own")
    if feature.startswith("customer_"):
        return GROUPS.index("customer")
    if "price" in feature:
        return GROUPS.index("price")
    if feature.endswith("names"):
        return GROUPS.index("names")
    related = feature.startswith(("score_", "place_", "share_"))
    return GROUPS.index("history" if related else "trend")


GROUP_OF = tuple(group_of(name) for name in FEATURES)


def reasons_of(
    knowledge: Knowledge,
    keys: Sequence[str],
    *,
    codes: NDArray[np.int64],
    parts: Floats,
    sources: NDArray[np.int64],
    in_cart: frozenset[int],
    liked: Floats,
) -> dict[int, tuple[Reason, ...]]:
    """The strongest reasons of each item code: `parts` has shape (codes, len(GROUPS)), `liked` (codes,) is what taste added.

    `sources` are the codes of what the customer has.
    """
    speaking = np.maximum(parts, 0.0)
    speaking[:, _CUSTOMER] = 0.0
    owned = frozenset(sources.tolist())
    place = np.full(knowledge.size, -1, dtype=np.int64)
    place[codes] = np.arange(codes.size)
    related = _spoken((knowledge.fading, knowledge.baskets), sources, place, codes.size)
    alike = _spoken((knowledge.names,), sources, place, codes.size)
    taste = np.maximum(liked, 0.0)
    totals = speaking.sum(axis=1) + taste
    found = {}
    for at, code in enumerate(codes.tolist()):
        told: list[tuple[float, str, str | None]] = [
            *_because(float(speaking[at, _HISTORY]), related[at], sources, keys, in_cart, BECAUSE_YOU_BOUGHT),
            *_because(float(speaking[at, _NAMES]), alike[at], sources, keys, in_cart, SIMILAR_TO),
            (float(speaking[at, _OWN]), BUY_AGAIN if code in owned else TRENDING, None),
            (float(speaking[at, _TREND]), TRENDING, None),
            (float(speaking[at, _PRICE]), FITS_YOUR_PRICES, None),
            (float(taste[at]), MATCHES_TASTE, None),
        ]
        found[code] = _strongest(told, float(totals[at]))
    return found


def _because(  # noqa: PLR0917 (one reason's parts)
    part: float,
    spoken: Floats,
    sources: NDArray[np.int64],
    keys: Sequence[str],
    in_cart: frozenset[int],
    kind: str,
) -> list[tuple[float, str, str | None]]:
    """A part handed on to the sources by how strongly each speaks; to the trend where none does."""
    total = float(spoken.sum())
    if part <= 0 or total <= 0:
        return [(part, TRENDING, None)] if part > 0 else []
    best = np.argpartition(-spoken, min(MOST_REASONS, spoken.size) - 1)[:MOST_REASONS].tolist()
    return [
        (
            part * float(spoken[at]) / total,
            GOES_WITH_CART if int(sources[at]) in in_cart and kind == BECAUSE_YOU_BOUGHT else kind,
            keys[int(sources[at])],
        )
        for at in best
        if spoken[at] > 0
    ]


def _spoken(
    relations: Sequence[ItemWeights], sources: NDArray[np.int64], place: NDArray[np.int64], size: int
) -> Floats:
    """Shape (codes, sources): the positive weights of each source for each code."""
    table = np.zeros((size, sources.size))
    for relation in relations:
        landed = place[relation.neighbours[sources]]
        source, column = np.nonzero(landed >= 0)
        weights = np.maximum(relation.weights[sources[source], column], 0.0)
        np.add.at(table, (landed[source, column], source), weights)
    return table


def _strongest(told: list[tuple[float, str, str | None]], total: float) -> tuple[Reason, ...]:
    """Parts of one kind and item together, strongest first; at least one, and after it none below a twentieth."""
    summed: dict[tuple[str, str | None], float] = {}
    for part, kind, item in told:
        summed[kind, item] = summed.get((kind, item), 0.0) + part
    if total <= 0:
        return (Reason(TRENDING, None, 1.0),)
    ordered = sorted(summed.items(), key=lambda pair: -pair[1])[:MOST_REASONS]
    return tuple(
        Reason(kind, item, part / total)
        for place, ((kind, item), part) in enumerate(ordered)
        if part > 0 and (place == 0 or part / total >= SMALLEST_SHARE)
    )
