"""A customer did something that says what they are about to do: looked at prices, invited somebody, exported their data.

Which types of events say so is the business's to set. One signal a day for each intent and subject: a page loaded again says nothing new.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from features.signals.settings import Intent
    from models.triggers.facts import Facts, Happening

LASTS: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_SUBJECTS: Final = ("feature", "plan", "addon", "target")
_LONGEST_SUBJECT: Final = 100


class IntentShown:
    """Fires for events of the types that are mapped to an intent; `feature`, `plan` or `addon` in an event's data says what it is about."""

    key: ClassVar[str] = "intent"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """One an event that still tells something at `now`; the once-key makes those of a day one."""
        for event in facts.happenings:
            intent = facts.settings.intents.get(event.type)
            if intent is not None and event.at + LASTS > facts.now:
                yield self._fired(event, intent)

    def _fired(self, event: Happening, intent: Intent) -> Fired:
        subject = subject_of(event)
        return Fired(
            trigger=self.key,
            subject=subject,
            strength=intent.percent / 100,
            once_key=f"{intent.name[:60]}:{subject or ''}:{event.at:%Y-%m-%d}",
            at=event.at,
            expires_at=event.at + LASTS,
            rearms_at=event.at + _DAY,
            evidence={"intent": intent.name, "event": event.type},
        )


def subject_of(event: Happening) -> str | None:
    """The key that an event says it is about; a text too long to be a key is none."""
    named = (event.data.get(name) for name in _SUBJECTS)
    return next((value for value in named if isinstance(value, str) and 0 < len(value) <= _LONGEST_SUBJECT), None)
