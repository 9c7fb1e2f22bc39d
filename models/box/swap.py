"""A subscriber's exchange before the cut-off: the same rules as the choice, against what is left of the stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.box.problem import EMPTY

if TYPE_CHECKING:
    from datetime import datetime

    from models.box.problem import Codes, Flags, Longs, Shelf


class SwapRefusedError(ValueError):
    """The exchange is not possible; the code says why, the sentence what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def swap(
    box: Codes,
    out: int,
    into: int,
    *,
    allowed: Flags,
    left: Longs,
    shelf: Shelf,
    budget_minor: int,
    now: datetime,
    cut_off: datetime,
) -> Codes:
    """The box with `into` in the place of `out`; raises SwapRefusedError. `left` is what remains on the shelf."""
    if now >= cut_off:
        raise SwapRefusedError("after_cut_off", "this box is being packed; the next one can be changed")
    if out == EMPTY or out not in box:
        raise SwapRefusedError("not_in_box", "what should go out is not in the box")
    if into in box:
        raise SwapRefusedError("already_in_box", "it is in the box already")
    if not allowed[into]:
        raise SwapRefusedError("not_allowed", "it holds something that you asked never to get")
    if left[into] < 1:
        raise SwapRefusedError("sold_out", "it has run out for this period")
    found = box.copy()
    found[box.tolist().index(out)] = into
    held = found[found != EMPTY]
    if (shelf.category[held] == shelf.category[into]).sum() > shelf.most_of_category:
        raise SwapRefusedError("too_alike", "the box holds enough of that kind")
    if int(shelf.cost_minor[held].sum()) > budget_minor:
        raise SwapRefusedError(
            "over_budget", "that makes the box dearer than it may be; swap something else out as well"
        )
    return found
