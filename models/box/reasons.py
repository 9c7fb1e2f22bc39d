"""Why each item is in a box, in words, from the same beliefs and rules that chose it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.box.problem import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.box.problem import Codes
    from models.box.taste import Tastes

_LIKED = 0.6


@dataclass(frozen=True, slots=True)
class Why:
    """One chosen item's reason: a code for programs and the sentence for people."""

    item: int
    code: str
    sentence: str


def reasons(
    box: Codes,
    subscriber: int,
    *,
    tastes: Tastes,
    attributes: NDArray[np.bool_],
    names: Sequence[str],
    first_choice: Codes,
) -> tuple[Why, ...]:
    """A reason for each item of one box. `names` are the attributes'; `first_choice` is what they would have had with endless stock."""
    belief = tastes.likes[subscriber] / (tastes.likes[subscriber] + tastes.dislikes[subscriber])
    wanted = set(first_choice.tolist())
    return tuple(
        _why(item, belief, attributes, names)
        if item in wanted
        else Why(item, "next_best", "the next best for you, since something you would like more has run out")
        for item in box.tolist()
        if item != EMPTY
    )


def _why(item: int, belief: NDArray[np.float64], attributes: NDArray[np.bool_], names: Sequence[str]) -> Why:
    has = np.flatnonzero(attributes[item])
    best = int(has[np.argmax(belief[has])]) if has.size else None
    if best is not None and belief[best] >= _LIKED:
        return Why(item, "liked", f"because you like {names[best]}")
    return Why(item, "popular", "many who subscribe enjoyed it")
