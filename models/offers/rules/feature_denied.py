"""The customer asked for something their plan does not give: offer the plans and add-ons that do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, unlocks
from models.offers.fitting import all_fits, heard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

TRIGGER = "denied_access"


class FeatureDenied:
    """Applies once a locked feature was refused at least once in the window that the caller counts over (7 days)."""

    key: ClassVar[str] = "feature_denied"
    priority: ClassVar[int] = 10
    is_personal: ClassVar[bool] = False

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """What unlocks each refused feature, most often refused first and cheaper first; not what they have by now."""
        had = {use.feature for use in context.limits}
        if context.current is not None:
            had |= {feature for feature in context.denials if unlocks(context.current, feature)}
        signals = {signal.subject: signal for signal in heard(context, TRIGGER)}
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=feature,
                message=f"{target.name} includes what you were looking for.",
                strength=float(times),
                signal=signals.get(feature),
            )
            for feature, times in sorted(context.denials.items(), key=lambda item: (-item[1], item[0]))
            if feature not in had
            for target in all_fits(context, partial(unlocks, feature=feature))
        ]
