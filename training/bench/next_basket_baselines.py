"""What stands beside the next-basket ranker: counts over everyone, one's own counts, both, and TIFU-KNN as published.

G-TopFreq, P-TopFreq and GP-TopFreq count baskets (Li et al. 2023); TIFU-KNN is Hu et al. 2020 with the settings published for Ta-Feng:
baskets fade within groups and groups fade, and the personal vector is mixed with the mean of the nearest neighbours'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.recommender.contract import Histories

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.recommender.contract import Fitted
    from models.recommender.interactions import Floats, Interactions

_NEIGHBOURS, _WITHIN, _BETWEEN, _GROUP, _OWN = 300, 0.9, 0.7, 7, 0.7
_MOST_PEERS = 20_000  # customers whose vectors are compared: beyond, an even sample


@dataclass(frozen=True, slots=True)
class Counts:
    """Own basket counts times `own`, plus `everyone` (items,)."""

    name: str
    everyone: Floats
    own: float

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items)."""
        mine: Floats = histories.counts().toarray() * self.own
        return mine + self.everyone


@dataclass(frozen=True, slots=True)
class Tifu:
    """The vectors of the customers that are compared with."""

    name: str
    peers: sp.csr_matrix
    norms: Floats

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): own vector and the mean of the nearest others, by Euclidean distance."""
        own = tifu_vectors(histories)
        square = np.asarray(own.multiply(own).sum(axis=1))
        distance = square + self.norms[None] - 2.0 * np.asarray((own @ self.peers.T).todense())
        distance[distance < 1e-9] = np.inf  # oneself
        count = min(_NEIGHBOURS, distance.shape[1])
        nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
        rows = np.repeat(np.arange(own.shape[0]), count)
        choice = sp.csr_matrix((np.full(rows.size, 1.0 / count), (rows, nearest.ravel())), shape=distance.shape)
        mixed: Floats = (_OWN * own + (1.0 - _OWN) * (choice @ self.peers)).toarray()
        return mixed


def tifu_vectors(histories: Histories) -> sp.csr_matrix:
    """Shape (customers, items): each basket weighs within^(place in its group) * between^(groups after it), means over groups."""
    order = np.lexsort((histories.at_us, histories.row))
    row, col, at_us = histories.row[order], histories.col[order], histories.at_us[order]
    if not row.size:
        return sp.csr_matrix((histories.customers, histories.items))
    begins = np.ones(row.size, dtype=np.int64)
    begins[1:] = (row[1:] != row[:-1]) | (at_us[1:] != at_us[:-1])
    number = np.cumsum(begins)
    last = np.zeros(histories.customers, dtype=np.int64)
    np.maximum.at(last, row, number)
    first = np.full(histories.customers, number[-1] + 1)
    np.minimum.at(first, row, number)
    back, total = last[row] - number, (last - first)[row] + 1
    groups = np.ceil(total / _GROUP)
    size = np.ceil(total / groups)
    group, within = back // size, back % size
    in_group = np.minimum(size, total - group * size)
    weight = _WITHIN**within * _BETWEEN**group / (in_group * groups)
    return sp.csr_matrix((weight, (row, col)), shape=(histories.customers, histories.items))


def _everyone(interactions: Interactions, as_of_us: int) -> Floats:
    _, _, col, _ = interactions.before(as_of_us).per_basket()
    return np.bincount(col, minlength=interactions.items.size).astype(np.float64)


def fit_everyone(interactions: Interactions, as_of_us: int) -> Fitted:
    """G-TopFreq: in how many baskets an item is."""
    return Counts("G-TopFreq (everyone's counts)", _everyone(interactions, as_of_us), 0.0)


def fit_own(interactions: Interactions, _as_of_us: int) -> Fitted:
    """P-TopFreq: in how many of one's own baskets it is."""
    return Counts("P-TopFreq (own counts)", np.zeros(interactions.items.size), 1.0)


def fit_own_then_everyone(interactions: Interactions, as_of_us: int) -> Fitted:
    """GP-TopFreq: own counts, ties and the tail by everyone's."""
    counts = _everyone(interactions, as_of_us)
    return Counts("GP-TopFreq (own, then everyone's)", counts / (counts.max(initial=0.0) + 1.0), 1.0)


def fit_tifu(interactions: Interactions, as_of_us: int) -> Fitted:
    """TIFU-KNN over an even sample of customers."""
    size = interactions.customers.size
    codes = np.unique(np.linspace(0, size - 1, min(size, _MOST_PEERS)).astype(np.int64))
    peers = tifu_vectors(Histories.of(interactions, codes, as_of_us))
    return Tifu("TIFU-KNN", peers, np.asarray(peers.multiply(peers).sum(axis=1)).ravel())


BASKET_BASELINES: tuple[Callable[[Interactions, int], Fitted], ...] = (
    fit_everyone,
    fit_own,
    fit_own_then_everyone,
    fit_tifu,
)
