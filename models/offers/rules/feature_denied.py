"""The customer asked for something their plan does not give: offer the cheapest target that does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, unlocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext


class FeatureDenied:
    """Applies once a locked feature was refused at least once in the window that the caller counts over (7 days)."""

    key: ClassVar[str] = "feature_denied"
    priority: ClassVar[int] = 10

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """The cheapest target that unlocks each refused feature, most often refused first; what they have by now is left out."""
        had = {use.feature for use in context.limits}
        if context.current is not None:
            had |= {feature for feature in context.denials if unlocks(context.current, feature)}
        refused = sorted(context.denials.items(), key=lambda item: (-item[1], item[0]))
        candidates = []
        for feature, times in refused:
            target = next((target for target in context.targets if unlocks(target, feature)), None)
            if target is not None and feature not in had:
                message = f"{target.name} includes what you were looking for."
                candidates.append(
                    Candidate(rule=self.key, target=target, unlocks=feature, message=message, strength=float(times))
                )
        return candidates
