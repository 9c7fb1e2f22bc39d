"""A trained model expects this customer to move up: offer the next plan on the ladder.

The rule asks for a propensity above a threshold and stays silent where no model was promoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

THRESHOLD = 0.1


class LikelyUpgrade:
    """Applies when the propensity model gives at least 10 %."""

    key: ClassVar[str] = "likely_upgrade"
    priority: ClassVar[int] = 30

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """The next plan up, if there is one."""
        if context.propensity is None or context.propensity < THRESHOLD or context.current is None:
            return ()
        above = [t for t in context.targets if t.kind == "plan" and t.rank > context.current.rank]
        if not above:
            return ()
        target = min(above, key=lambda t: (t.rank, t.key))
        message = f"Customers like you get more out of {target.name}."
        return (Candidate(rule=self.key, target=target, unlocks=None, message=message, strength=context.propensity),)
