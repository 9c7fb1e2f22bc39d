"""The customer is leaving, or likely to: offer something that makes staying easier. Who gets this gets no promotion beside it.

A break or a smaller plan is for those who began to leave. To those whom only a model sees at risk such an offer would put the thought into
their heads and costs what they pay today: they are offered the coupons that the business set aside for it, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, OfferKind
from models.offers.fitting import heard
from models.offers.restraint import is_held_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext, Target

LEAVING = "cancel_started"
AT_RISK = "churn_risk"
CANCELLING = "cancelling"


class Save:
    """Applies to those who began to cancel, and to those whom a model sees at risk."""

    key: ClassVar[str] = "save"
    priority: ClassVar[int] = 5
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """Every save-offer there is for them, in the order of the targets."""
        signal = next(iter([*heard(context, LEAVING), *heard(context, AT_RISK)]), None)
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=None,
                message=_message(target),
                strength=signal.strength if signal else 1.0,
                signal=signal,
            )
            for target in context.targets
            if may_save(context, target)
        ]


def is_leaving(context: OfferContext) -> bool:
    """Whether they are at risk or on their way out: nobody else is ever shown a save-offer."""
    return has_begun_to_leave(context) or any(signal.trigger == AT_RISK for signal in context.signals)


def has_begun_to_leave(context: OfferContext) -> bool:
    """Whether they have begun to cancel, by their own act."""
    return is_held_by(context, CANCELLING) or any(signal.trigger == LEAVING for signal in context.signals)


def may_save(context: OfferContext, target: Target) -> bool:
    """Whether a target is a save-offer for this customer."""
    if target.kind != OfferKind.SAVE.value or not is_leaving(context):
        return False
    return has_begun_to_leave(context) or "coupon" in (target.saving or {})


def _message(target: Target) -> str:
    saving = target.saving or {}
    if "pause_days" in saving:
        return f"Would a break help? You can pause for {saving['pause_days']} days."
    if "plan" in saving:
        return f"{target.name} may fit you better."
    return f"We would like you to stay: {target.name}."
