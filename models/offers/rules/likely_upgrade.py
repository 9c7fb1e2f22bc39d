"""A trained model expects this customer to move up: offer the next plan on the ladder.

The rule asks for a propensity above a threshold and stays silent where no model was promoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate
from models.offers.fitting import next_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

THRESHOLD = 0.1


class LikelyUpgrade:
    """Applies when the propensity model gives at least 10 %."""

    key: ClassVar[str] = "likely_upgrade"
    priority: ClassVar[int] = 40
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """The next plan up, if there is one."""
        chance = context.learned.propensity
        if chance is None or chance < THRESHOLD:
            return ()
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=None,
                message=f"Customers like you get more out of {target.name}.",
                strength=chance,
            )
            for target in next_plans(context)
        ]
