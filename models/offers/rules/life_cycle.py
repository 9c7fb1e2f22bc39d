"""A trial ends or a renewal is near: offer the same plan for a longer period, or the cheapest add-on where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate
from models.offers.fitting import ADDON, for_sale, heard, longer_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext, Signal, Target

TRIGGER = "life_cycle"


class LifeCycle:
    """Applies in the days before a trial ends and before a period is renewed."""

    key: ClassVar[str] = "life_cycle"
    priority: ClassVar[int] = 30
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """The longer plan, or an add-on for the one they have."""
        if context.current is None:
            return ()
        longer = longer_plans(context)
        beside = [target for target in for_sale(context) if target.kind == ADDON][:1]
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=None,
                message=_message(signal, target, is_longer=bool(longer)),
                strength=signal.strength,
                signal=signal,
            )
            for signal in heard(context, TRIGGER)[:1]
            for target in (longer or beside)
        ]


def _message(signal: Signal, target: Target, *, is_longer: bool) -> str:
    moment = (
        "Your trial ends soon" if signal.evidence.get("moment") == "trial_ending" else "Your next period begins soon"
    )
    return (
        f"{moment}. {target.name} is also there for longer."
        if is_longer
        else f"{moment}. {target.name} goes well with it."
    )
