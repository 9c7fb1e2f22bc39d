"""Grows a bundle from an anchor: at each step the allowed item that fits best with all that is in it, until nothing fits well.

Fit is the mean affinity from the members to the newcomer. Invariants: no forbidden item, no substitute of a member, no more than
`max_items`, and a list price within the cap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.recommender.interactions import Codes, Flags, Floats, Longs


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthLimits:
    """How large a bundle gets, anchor included, and how poor a fit may be against the first partner's."""

    max_items: int = 3
    min_fit_share: float = 0.25
    max_list_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A partner with its fit when it joined."""

    code: int
    fit: float


@dataclass(frozen=True, slots=True)
class PartnerTable:
    """Partner codes and weights (items, K), and the substitutes of each item (codes, -1 where there are no more)."""

    neighbours: Codes
    weights: NDArray[np.floating]
    substitutes: Codes

    def row(self, code: int) -> Floats:
        """Shape (items,): the affinity of one item to all."""
        dense = np.zeros(self.neighbours.shape[0])
        np.add.at(dense, self.neighbours[code], self.weights[code])
        return dense


def grow(
    table: PartnerTable, anchor: int, allowed: Flags, price_minor: Longs, limits: GrowthLimits, *, anchor_sold: bool
) -> tuple[Member, ...]:
    """The partners of `anchor` in the order they joined; none when nothing allowed fits.

    `price_minor` (items,) holds list prices in minor units. An anchor that is not sold with the bundle (the customer has it) costs nothing
    and takes no place.
    """
    open_items = allowed.copy()
    _close(open_items, table, anchor)
    spent = int(price_minor[anchor]) if anchor_sold else 0
    places = limits.max_items - (1 if anchor_sold else 0)
    summed = table.row(anchor)
    members: list[Member] = []
    while len(members) < places:
        fit = summed / (len(members) + 1)
        candidates = open_items & (fit > 0)
        if limits.max_list_minor is not None:
            candidates &= price_minor <= limits.max_list_minor - spent
        codes = np.flatnonzero(candidates)
        if not codes.size:
            break
        best = int(codes[np.argmax(fit[codes])])
        if members and fit[best] < limits.min_fit_share * members[0].fit:
            break
        members.append(Member(best, float(fit[best])))
        spent += int(price_minor[best])
        summed = summed + table.row(best)
        _close(open_items, table, best)
    return tuple(members)


def _close(open_items: Flags, table: PartnerTable, member: int) -> None:
    open_items[member] = False
    replaced = table.substitutes[member]
    open_items[replaced[replaced >= 0]] = False
