"""How well a fitted recommender ranks what customers did next: full ranking, no sampling, one value a customer.

Two tasks that are never averaged: "new" (items the customer never had; owned ones are masked) and "any" (repeats allowed). Only
customers and items that training has seen take part. Invariant: truth lies at or after the moment, histories strictly before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.metrics import ranking
from models.recommender.choose import best_rows
from models.recommender.contract import Histories

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.recommender.contract import Fitted
    from models.recommender.interactions import Floats, Interactions

NEW, ANY = "new", "any"
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Task:
    """Whom to rank for and what they took: `customers` are codes, `truth` has a row for each of them."""

    name: str
    customers: NDArray[np.int64]
    truth: sp.csr_matrix

    @property
    def masks_owned(self) -> bool:
        """Whether owned items may not be recommended."""
        return self.name == NEW


@dataclass(frozen=True, slots=True)
class PerCustomer:
    """The metrics of one model, one value a customer of the task."""

    recall: Floats
    truncated_recall: Floats
    ndcg: Floats
    hit_rate: Floats


def build_tasks(train: Interactions, test: Interactions) -> tuple[Task, Task]:
    """The new and the any task; `test` may have other codes, and what `train` has not seen is left out."""
    known = train.compact()
    later = test.encoded_as(known).encoded_as(train)
    shape = (train.customers.size, train.items.size)
    row, col, _ = later.latest()
    taken = sp.csr_matrix((np.ones(row.size), (row, col)), shape=shape)
    row, col, _ = train.latest()
    owned = sp.csr_matrix((np.ones(row.size), (row, col)), shape=shape)
    fresh = sp.csr_matrix(taken - taken.multiply(owned))
    fresh.eliminate_zeros()
    return _task(NEW, fresh), _task(ANY, taken)


def per_customer(fitted: Fitted, train: Interactions, task: Task, *, as_of_us: int, k: int) -> PerCustomer:
    """The metrics of `fitted` on `task`, histories taken from `train` before the moment."""
    parts = []
    for start in range(0, task.customers.size, _BATCH):
        batch = slice(start, start + _BATCH)
        histories = Histories.of(train, task.customers[batch], as_of_us)
        parts.append(hits_of(fitted.score(histories), histories, task.truth[batch], k=k, mask_owned=task.masks_owned))
    hits = np.concatenate(parts) if parts else np.zeros((0, k), dtype=np.bool_)
    return measure(hits, task.truth)


def hits_of(
    scores: Floats, histories: Histories, truth: sp.csr_matrix, *, k: int, mask_owned: bool
) -> NDArray[np.bool_]:
    """Shape (customers, k): whether the item at each place of the list was taken."""
    allowed = ~histories.owned() if mask_owned else np.ones(scores.shape, dtype=np.bool_)
    chosen = best_rows(scores, allowed, k)
    taken = truth.toarray() > 0
    hits: NDArray[np.bool_] = np.take_along_axis(taken, np.maximum(chosen, 0), axis=1) & (chosen >= 0)
    return hits


def measure(hits: NDArray[np.bool_], truth: sp.csr_matrix) -> PerCustomer:
    """All metrics from one table of hits."""
    relevant = np.diff(truth.indptr).astype(np.int64)
    return PerCustomer(
        recall=ranking.recall(hits, relevant),
        truncated_recall=ranking.truncated_recall(hits, relevant),
        ndcg=ranking.ndcg(hits, relevant),
        hit_rate=ranking.hit_rate(hits),
    )


def at_most(task: Task, customers: int) -> Task:
    """An even sample by code, so that a large shop does not need a dense table of all its customers."""
    if task.customers.size <= customers:
        return task
    chosen = np.linspace(0, task.customers.size - 1, customers).astype(np.int64)
    return Task(name=task.name, customers=task.customers[chosen], truth=task.truth[chosen])


def _task(name: str, truth: sp.csr_matrix) -> Task:
    customers = np.flatnonzero(np.diff(truth.indptr)).astype(np.int64)
    return Task(name=name, customers=customers, truth=truth[customers])
