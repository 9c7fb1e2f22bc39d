"""How much each subscriber would like each item, learned from what they said, kept, swapped and rated.

Each attribute (a roast, a genre, a cuisine) has a Beta belief a subscriber: declared likes and dislikes are where it begins, every act
moves it. An item's worth is the mean of its attributes' beliefs, joined with how well the item does with everybody; what was had lately is
worth less.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Act(Enum):
    """What a subscriber did about an item of a box."""

    KEPT = "kept"
    SWAPPED_OUT = "swapped_out"
    SWAPPED_IN = "swapped_in"
    LIKED = "liked"
    DISLIKED = "disliked"


_EVIDENCE: Final = {
    Act.KEPT: (0.25, 0.0),
    Act.SWAPPED_OUT: (0.0, 1.0),
    Act.SWAPPED_IN: (1.0, 0.0),
    Act.LIKED: (2.0, 0.0),
    Act.DISLIKED: (0.0, 2.0),
}
"""For and against, in cases: keeping says little, a rating most."""

_PRIOR: Final = 1.0
_DECLARED: Final = 4.0
_ITEM_PRIOR: Final = 5.0
_OWN_SHARE: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One act: codes of subscriber and item, and how old it is."""

    subscriber: int
    item: int
    act: Act
    days_ago: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tastes:
    """Beliefs: `likes` and `dislikes` have shape (subscribers, attributes), `item_likes` and `item_dislikes` (items,), in cases."""

    likes: Floats
    dislikes: Floats
    item_likes: Floats
    item_dislikes: Floats

    @classmethod
    def declared(cls, likes: NDArray[np.bool_], dislikes: NDArray[np.bool_], items: int) -> Tastes:
        """Where nobody has done anything yet: what they said, shape (subscribers, attributes) each."""
        return cls(
            likes=_PRIOR + _DECLARED * likes.astype(np.float64),
            dislikes=_PRIOR + _DECLARED * dislikes.astype(np.float64),
            item_likes=np.full(items, _ITEM_PRIOR),
            item_dislikes=np.full(items, _ITEM_PRIOR),
        )

    def learn(self, told: Iterable[Told], attributes: NDArray[np.bool_], *, half_life_days: float = 180.0) -> Tastes:
        """After these acts, old ones counting less; `attributes` has shape (items, attributes), which share an item's evidence."""
        found = list(told)
        if not found:
            return self
        who = np.array([each.subscriber for each in found])
        item = np.array([each.item for each in found])
        fresh = 0.5 ** (np.array([each.days_ago for each in found]) / half_life_days)
        cases = np.array([_EVIDENCE[each.act] for each in found]) * fresh[:, None]
        act, attribute = np.nonzero(attributes[item])
        share = cases[act] / np.maximum(attributes.sum(axis=1), 1)[item[act], None]
        likes, dislikes = self.likes.copy(), self.dislikes.copy()
        item_likes, item_dislikes = self.item_likes.copy(), self.item_dislikes.copy()
        np.add.at(likes, (who[act], attribute), share[:, 0])
        np.add.at(dislikes, (who[act], attribute), share[:, 1])
        np.add.at(item_likes, item, cases[:, 0])
        np.add.at(item_dislikes, item, cases[:, 1])
        return Tastes(likes=likes, dislikes=dislikes, item_likes=item_likes, item_dislikes=item_dislikes)

    def worth(self, attributes: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Shape (subscribers, items), between 0 and 1."""
        belief = self.likes / (self.likes + self.dislikes)
        counts = np.maximum(attributes.sum(axis=1), 1)
        own = belief @ attributes.T / counts
        own[:, attributes.sum(axis=1) == 0] = 0.5
        common = self.item_likes / (self.item_likes + self.item_dislikes)
        return np.asarray(_OWN_SHARE * own + (1 - _OWN_SHARE) * common, dtype=np.float32)


def faded(worth: NDArray[np.float32], boxes_ago: NDArray[np.int64]) -> NDArray[np.float32]:
    """Worth less, the more lately it was had: `boxes_ago` has the same shape, 0 for never, 1 for the last box.

    >>> faded(np.array([0.8, 0.8, 0.8], dtype=np.float32), np.array([0, 1, 4])).round(2).tolist()
    [0.800000011920929, 0.4000000059604645, 0.699999988079071]
    """
    ago = np.maximum(boxes_ago, 1)
    return np.asarray(np.where(boxes_ago == 0, worth, worth * (1 - 0.5 / ago)), dtype=np.float32)
