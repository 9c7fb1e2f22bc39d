"""What became of each candidate: the stage that refused it and why, or that it was chosen. The decision is read off this, and nothing else.

A stage is a function from candidates to those that pass and what is refused; a decision's explanation and its verdict are one value, so
they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.offers.context import Candidate
    from models.offers.worth import Worth

NOTHING: Final = "nothing_to_offer"


class Stage(StrEnum):
    """The stages in their order: what got to a later one came nearer to being shown."""

    ELIGIBILITY = "eligibility"
    SUPPRESSION = "suppression"
    VALUE = "value"
    EXPERIMENT = "experiment"
    DRAW = "draw"
    END = "end"


_ORDER: Final = {str(stage): place for place, stage in enumerate(Stage)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One candidate's way: where it ended and the reason's code. `also` are reasons that would have held had the first not.

    At the END the code is the rule's key for what is shown, and what keeps it back for a counterfactual.
    """

    candidate: Candidate
    stage: Stage
    reason: str
    also: tuple[str, ...] = ()
    worth: Worth | None = None
    propensity: float | None = None

    def document(self) -> dict[str, Any]:
        """How it stands in the trace."""
        found: dict[str, Any] = {**told(self.candidate), "stage": self.stage, "reason": self.reason}
        if self.candidate.signal is not None:
            found["signal"] = self.candidate.signal.trigger
        if self.also:
            found["also"] = list(self.also)
        if self.worth is not None:
            found |= self.worth.document()
        if self.propensity is not None:
            found["propensity"] = round(self.propensity, 6)
        return found


def told(candidate: Candidate) -> dict[str, Any]:
    """A candidate in brief."""
    return {"rule": candidate.rule, "target": candidate.target.key, "unlocks": candidate.unlocks}


def verdict(documents: Sequence[Mapping[str, Any]], order: Sequence[str]) -> str:
    """The reason of a decision from its candidates' documents: that of the one which came furthest.

    Of two refused by the same stage, the one whose code stands later in `order` came further, then the one that was proposed first.

    >>> ways = [{"stage": "suppression", "reason": "killed"}, {"stage": "suppression", "reason": "cap_offer"}]
    >>> verdict(ways, ["killed", "cap_offer"]), verdict([], [])
    ('cap_offer', 'nothing_to_offer')
    """
    places = {code: place for place, code in enumerate(order)}
    considered = [way for way in documents if way["stage"] != Stage.ELIGIBILITY]
    if not considered:
        return NOTHING
    furthest = max(considered, key=lambda way: (_ORDER[way["stage"]], places.get(way["reason"], -1)))
    return str(furthest["reason"])
