"""The customer looks for more (the pricing page, an invitation, an export): offer what the event named, or the next plan up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate
from models.offers.fitting import about, giving, heard, next_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

TRIGGER = "intent"


class Intent:
    """Applies while a sign of intent is fresh. One that names something which is theirs already says nothing."""

    key: ClassVar[str] = "intent"
    priority: ClassVar[int] = 25
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """What answers each subject, strongest first."""
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=about(target, signal.subject),
                message=f"{target.name} may be what you are looking for.",
                strength=signal.strength,
                signal=signal,
            )
            for signal in heard(context, TRIGGER)
            for target in (next_plans(context) if signal.subject is None else giving(context, signal.subject))
        ]
