"""The customer uses more, or more kinds of things, than before: offer the next plan on the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate
from models.offers.fitting import heard, next_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

TRIGGER = "engagement"


class Engagement:
    """Applies while their use is rising or going deeper."""

    key: ClassVar[str] = "engagement"
    priority: ClassVar[int] = 35
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """The next plan up, if there is one."""
        signals = heard(context, TRIGGER)
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=None,
                message=f"You get more and more out of it. {target.name} has room to grow.",
                strength=signal.strength,
                signal=signal,
            )
            for signal in signals[:1]
            for target in next_plans(context)
        ]
