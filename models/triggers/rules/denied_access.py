"""A feature that a customer does not have was refused to them again and again: so many times within a window that slides by the day.

It fires on the day the count is reached and then keeps silent for a window, however often the feature is refused meanwhile.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.triggers.facts import Denials, Facts


class DeniedAccess:
    """Fires about a locked feature; a single refusal may be a slip, which is why there is a count."""

    key: ClassVar[str] = "denied_access"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """One a feature that was refused often enough, unless it fired within the window."""
        for denied in facts.denials:
            often = denied.reached_on is not None and denied.count >= facts.settings.denials
            if often and (self.key, denied.feature) not in facts.silent:
                yield self._fired(facts, denied)

    def _fired(self, facts: Facts, denied: Denials) -> Fired:
        ends_at = facts.now + timedelta(days=facts.settings.denial_days)
        return Fired(
            trigger=self.key,
            subject=denied.feature,
            strength=1 - 0.5 ** (denied.count / facts.settings.denials),
            once_key=f"{denied.feature}:{denied.reached_on}",
            at=facts.now,
            expires_at=ends_at,
            rearms_at=ends_at,
            evidence={"name": denied.name, "count": denied.count, "days": facts.settings.denial_days},
        )
