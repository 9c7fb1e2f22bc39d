"""The contract of a trigger: facts in, what fired out, without a clock, a query or chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from models.triggers.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A trigger fired: about what (`subject`), how strongly (0 to 1), until when it counts, and the evidence that people are shown.

    Of one `once_key` a customer's trigger fires once for ever. `rearms_at` is from when it may fire about the same subject again; None for
    not before somebody saw that what raised it has ceased.
    """

    trigger: str
    subject: str | None
    strength: float
    once_key: str
    at: datetime
    expires_at: datetime
    rearms_at: datetime | None
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Trigger(Protocol):
    """Looks for one kind of thing."""

    @property
    def key(self) -> str:
        """The trigger's name, as it stands in every signal it raises."""
        ...

    def fires(self, facts: Facts) -> Iterable[Fired]:
        """What is found; nothing where the facts it reads are empty."""
        ...
