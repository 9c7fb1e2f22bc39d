"""The customer passed a threshold of a limit, or is at its end: offer the plans and add-ons that really raise it.

Below the end the signal speaks, which is raised once a threshold and period; at the end the wall itself does. 80 % is the first threshold
the field warns at (experiments study, section 8).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, gives_more
from models.offers.fitting import all_fits, heard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

TRIGGER = "limit_share"
THRESHOLD = 0.8
"""The share from which on people are told that a limit is near."""
FULL = 1.0


class LimitNear:
    """Applies while the signal of a passed threshold is alive, and at the end of a limit."""

    key: ClassVar[str] = "limit_near"
    priority: ClassVar[int] = 20
    is_personal: ClassVar[bool] = False

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """What raises each limit, fullest first, cheaper first."""
        signals = {signal.subject: signal for signal in heard(context, TRIGGER)}
        uses = sorted(context.limits, key=lambda use: (-use.ratio, use.feature))
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=use.feature,
                message=f"You have used {use.used} of {use.limit} {use.name.lower()}. {target.name} gives you more.",
                strength=use.ratio,
                signal=signals.get(use.feature),
            )
            for use in uses
            if use.feature in signals or use.ratio >= FULL
            for target in all_fits(context, partial(gives_more, feature=use.feature, limit=use.limit))
        ]
