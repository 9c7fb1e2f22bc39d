"""The customer wrote that something is missing which is for sale: offer the plans and add-ons that have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate
from models.offers.fitting import about, giving, heard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

TRIGGER = "missing_function"


class MissingFunction:
    """Applies while feedback or a request of theirs names a function that they do not have."""

    key: ClassVar[str] = "missing_function"
    priority: ClassVar[int] = 15
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """What has each function that they named, strongest first."""
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=about(target, signal.subject),
                message=f"You told us what you were missing: {target.name} has it.",
                strength=signal.strength,
                signal=signal,
            )
            for signal in heard(context, TRIGGER)
            if signal.subject is not None
            for target in giving(context, signal.subject)
        ]
