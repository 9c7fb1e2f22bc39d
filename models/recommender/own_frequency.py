"""What the customer takes most often, then what is popular now: the baseline of repeat purchases, and hard to beat there.

The unit is baskets: an item counts once for a basket; recent popularity breaks ties and never outweighs one basket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.recommender.popular import customers_per_item

if TYPE_CHECKING:
    from models.recommender.contract import Histories
    from models.recommender.interactions import Floats, Interactions


@dataclass(frozen=True, slots=True)
class FittedOwnFrequency:
    """Own basket counts, with a tail of recent popularity below one."""

    name: str
    tail: Floats

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): baskets with the item, plus its popularity as a fraction below one."""
        own: Floats = histories.counts().toarray()
        return own + self.tail


def fit_own_frequency(interactions: Interactions, as_of_us: int, *, tail_days: float = 30.0) -> FittedOwnFrequency:
    """Own frequency with a tail of what was popular in the last `tail_days`."""
    popular = customers_per_item(interactions, as_of_us, tail_days)
    return FittedOwnFrequency(name="own frequency", tail=popular / (popular.max(initial=0.0) + 1.0))
