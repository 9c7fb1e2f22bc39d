"""What every offer rule is: a key, a priority among rules, whether it profiles, and a pure function to candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext


class OfferRule(Protocol):
    """A reason to offer something. Lower `priority` goes first; strength orders candidates of one rule.

    A rule that `is_personal` reads what a person did or what a model thinks of them, and is not asked about who opted out of profiling.
    """

    key: ClassVar[str]
    priority: ClassVar[int]
    is_personal: ClassVar[bool]

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """Candidates for this customer now; empty when the rule does not apply."""
        ...
