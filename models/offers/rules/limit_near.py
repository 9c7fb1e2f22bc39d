"""The customer is close to a limit: offer the cheapest target that really raises it.

80 % is the first threshold the field warns at (experiments study, section 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, gives_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

THRESHOLD = 0.8


class LimitNear:
    """Applies from 80 % of a limit on."""

    key: ClassVar[str] = "limit_near"
    priority: ClassVar[int] = 20

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """One candidate a limit, fullest first."""
        candidates = []
        for use in sorted(context.limits, key=lambda use: (-use.ratio, use.feature)):
            target = next((t for t in context.targets if gives_more(t, use.feature, use.limit)), None)
            if use.ratio >= THRESHOLD and target is not None:
                message = f"You have used {use.used} of {use.limit} {use.name.lower()}. {target.name} gives you more."
                candidates.append(
                    Candidate(rule=self.key, target=target, unlocks=use.feature, message=message, strength=use.ratio)
                )
        return candidates
