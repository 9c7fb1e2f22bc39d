"""The chance that a customer leaves has risen above what the business calls a risk.

With hysteresis: having fired it stays silent until the chance was seen below the calm level, so that a score which swings around one
threshold does not raise a signal each night.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from features.signals.settings import SignalSettings
    from models.triggers.facts import Facts

LASTS: Final = timedelta(days=30)


class ChurnRisk:
    """Fires when a score reaches the threshold while the trigger is armed."""

    key: ClassVar[str] = "churn_risk"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """At most one."""
        churn = facts.churn
        if churn is None or (self.key, None) in facts.silent or churn.as_of + LASTS <= facts.now:
            return
        if churn.risk * 100 >= facts.settings.churn_percent:
            yield Fired(
                trigger=self.key,
                subject=None,
                strength=churn.risk,
                once_key=f"{churn.as_of:%Y-%m-%dT%H:%M:%S}",
                at=churn.as_of,
                expires_at=churn.as_of + LASTS,
                rearms_at=None,
                evidence={"risk": round(churn.risk, 4), "as_of": f"{churn.as_of:%Y-%m-%d}"},
            )


def is_calm(risk: float, settings: SignalSettings) -> bool:
    """Whether a chance lies so low that the trigger may fire again when it rises."""
    return risk * 100 < settings.churn_calm_percent
