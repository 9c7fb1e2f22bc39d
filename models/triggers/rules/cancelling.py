"""A customer has begun to cancel: the one moment at which something that makes them stay is worth more than anything sold to them.

It holds promotions back at the same time (a restraint), and counts only for as long as that does: who thinks better of it is left alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired
from models.triggers.rules.intent import subject_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.triggers.facts import Facts, Happening

_LONGEST_REASON: Final = 200


class CancelStarted:
    """Fires for the event that a cancellation was begun, and for a subscription that is set to end."""

    key: ClassVar[str] = "cancel_started"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """One a day on which it was begun, and one an end that is set."""
        for event in facts.happenings:
            if event.type in facts.settings.cancel_started:
                yield self._begun(facts, event)
        standing = facts.standing
        if standing is not None and standing.ends_at is not None and facts.now < standing.ends_at:
            yield Fired(
                trigger=self.key,
                subject=standing.plan,
                strength=1.0,
                once_key=f"ends:{standing.ends_at:%Y-%m-%dT%H:%M}",
                at=facts.now,
                expires_at=standing.ends_at,
                rearms_at=standing.ends_at,
                evidence={"ends_at": f"{standing.ends_at:%Y-%m-%d}"},
            )

    def _begun(self, facts: Facts, event: Happening) -> Fired:
        until = event.at + timedelta(days=facts.settings.cancel_days)
        reason = event.data.get("reason")
        return Fired(
            trigger=self.key,
            subject=subject_of(event) or (facts.standing.plan if facts.standing else None),
            strength=1.0,
            once_key=f"{event.at:%Y-%m-%d}",
            at=event.at,
            expires_at=until,
            rearms_at=until,
            evidence={"event": event.type, "reason": reason[:_LONGEST_REASON] if isinstance(reason, str) else None},
        )
