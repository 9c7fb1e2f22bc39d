"""What completes a basket, ranked: the third target, learned from later baskets of which one item was hidden.

A basket is read as a customer's history with the visible items taken this very moment, so that the same relations, features and trees
serve. The history ends where the window begins. Owned items are candidates too: what one always takes is missing from a cart as well.
Guests have a basket and no history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.recommender.contract import Histories
from models.recommender.ranker.examples import BATCH_CELLS, Examples, Window, join
from models.recommender.ranker.pairs import FOR_BASKETS, candidate_pairs, features
from models.recommender.ranker.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.recommender.interactions import Floats, Interactions
    from models.recommender.ranker.heads import Head
    from models.recommender.ranker.knowledge import Knowledge

ADDON = "addon"
_BELOW_ALL = -1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Baskets:
    """Baskets with one item hidden: `visible` (baskets, items), the `hidden` code and the `customer` code of each (-1: unknown)."""

    visible: sp.csr_matrix
    hidden: NDArray[np.int64]
    customer: NDArray[np.int64]

    def part(self, start: int, stop: int) -> Baskets:
        """The baskets from `start` to `stop`."""
        return Baskets(
            visible=self.visible[start:stop], hidden=self.hidden[start:stop], customer=self.customer[start:stop]
        )

    def only(self, wanted: NDArray[np.integer]) -> Baskets:
        """The baskets at these places."""
        return Baskets(visible=self.visible[wanted], hidden=self.hidden[wanted], customer=self.customer[wanted])


def hide_one(known: Interactions, later: Interactions, rng: np.random.Generator) -> Baskets:
    """One item of each later basket that holds at least two known ones, drawn with the generator; customers in the codes of `known`."""
    translated = later.with_items_of(known)
    basket, customer, col, _ = translated.per_basket()
    names, row = np.unique(basket, return_inverse=True)
    lines = sp.csr_matrix((np.ones(col.size), (row, col)), shape=(names.size, known.items.size))
    enough = np.diff(lines.indptr) >= 2
    of_basket = np.zeros(names.size, dtype=np.int64)
    of_basket[row] = customer
    lines = lines[enough]
    size = np.diff(lines.indptr)
    at = lines.indptr[:-1] + (rng.random(size.size) * size).astype(np.int64)
    hidden = lines.indices[at].astype(np.int64)
    visible = lines.copy()
    visible.data[at] = 0.0
    visible.eliminate_zeros()
    return Baskets(visible=visible, hidden=hidden, customer=_codes(translated, known)[of_basket[enough]])


def addon_examples(
    known: Interactions,
    later: Interactions,
    knowledge: Knowledge,
    window: Window,
    *,
    rng: np.random.Generator,
    most_baskets: int,
    negatives: float,
) -> Examples | None:
    """Examples of one window's baskets, evenly sampled; None where there is none."""
    baskets = hide_one(known, later, rng)
    if not baskets.hidden.size:
        return None
    if baskets.hidden.size > most_baskets:
        baskets = baskets.only(np.linspace(0, baskets.hidden.size - 1, most_baskets).astype(np.int64))
    parts = []
    for start, part, row, col, table in _read_all(knowledge, known, baskets, window.start_us):
        taken = col == part.hidden[row]
        kept = taken | (rng.random(taken.size) < negatives)
        whole = Examples(
            table=table,
            taken=taken,
            owned=np.zeros(taken.size, dtype=np.bool_),
            group=row + start,
            kept_share=negatives,
        )
        parts.append(whole.only(kept))
    return join(parts)


def score_baskets(
    knowledge: Knowledge, head: Head, known: Interactions, baskets: Baskets, as_of_us: int
) -> Iterator[tuple[int, Floats]]:
    """The first basket's place and the scores (baskets, items) of each batch; what is no candidate stands below, by affinity."""
    for start, part, row, col, table in _read_all(knowledge, known, baskets, as_of_us):
        relevance = np.asarray((part.visible @ knowledge.baskets.as_matrix()).todense())
        scores: Floats = _BELOW_ALL + relevance / (1.0 + np.abs(relevance))
        scores[row, col] = head.score(table)
        yield start, scores


def _read_all(
    knowledge: Knowledge, known: Interactions, baskets: Baskets, as_of_us: int
) -> Iterator[tuple[int, Baskets, NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    step = max(1, min(512, BATCH_CELLS // max(knowledge.size, 1)))
    for start in range(0, baskets.hidden.size, step):
        part = baskets.part(start, start + step)
        reading = read(knowledge, _histories(known, part, as_of_us))
        absent = np.asarray(part.visible.todense()) == 0
        row, col = candidate_pairs(knowledge, reading, absent, with_owned=True, budgets=FOR_BASKETS)
        yield start, part, row, col, features(knowledge, reading, row, col)


def _histories(known: Interactions, baskets: Baskets, as_of_us: int) -> Histories:
    """One row a basket: what its customer took before, and what is visible, taken now."""
    members = np.flatnonzero(baskets.customer >= 0)
    people, place = np.unique(baskets.customer[members], return_inverse=True)
    past = Histories.of(known, people, as_of_us)
    lines = sp.csr_matrix(
        (np.arange(past.row.size) + 1, (past.row, np.arange(past.row.size))), shape=(people.size, past.row.size)
    )
    spread = lines[place].tocoo()
    line = spread.data.astype(np.int64) - 1
    now = baskets.visible.tocoo()
    return Histories(
        customers=baskets.hidden.size,
        items=known.items.size,
        row=np.r_[members[spread.row], now.row].astype(np.int32),
        col=np.r_[past.col[line], now.col].astype(np.int32),
        at_us=np.r_[past.at_us[line], np.full(now.row.size, as_of_us)].astype(np.int64),
        as_of_us=as_of_us,
    )


def _codes(later: Interactions, known: Interactions) -> NDArray[np.int64]:
    """The code in `known` of each customer of `later`, -1 for one it does not know."""
    place = np.minimum(np.searchsorted(known.customers, later.customers), known.customers.size - 1)
    return np.where(known.customers[place] == later.customers, place, -1).astype(np.int64)
