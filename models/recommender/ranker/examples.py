"""What the ranker learns from: customers who bought in a window, their candidates as of its start, and which of those they took.

Everything a feature says is from strictly before the window's start, and every relation is fitted again for it: trees that learned from
relations which had seen the label would trust them too much. All positives are kept and a share of the rest, since most of it is easy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender import evaluate
from models.recommender.contract import Histories
from models.recommender.interactions import DAY_US
from models.recommender.ranker.pairs import FEATURES, candidate_pairs, features
from models.recommender.ranker.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from models.recommender.interactions import Flags, Interactions
    from models.recommender.ranker.knowledge import Knowledge

    Narrow = NDArray[np.float32]

BATCH_CELLS = 2_000_000  # customers times items of one batch: bounds memory at about 150 MB
MIN_CUSTOMERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Labels from `start_us` to `end_us`, features as of `start_us`."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Pairs in order of customer: `table` (pairs, features), whether each was `taken`, `owned` before, and the `group` it belongs to.

    `kept_share` is the share of the pairs nobody took that are here.
    """

    table: Narrow
    taken: Flags
    owned: Flags
    group: NDArray[np.int64]
    kept_share: float = 1.0

    def __len__(self) -> int:
        return int(self.taken.size)

    def only(self, wanted: Flags) -> Examples:
        """The pairs that are wanted."""
        return Examples(
            table=self.table[wanted],
            taken=self.taken[wanted],
            owned=self.owned[wanted],
            group=self.group[wanted],
            kept_share=self.kept_share,
        )


def windows_before(past: Interactions, as_of_us: int, *, horizon_days: float, most: int) -> tuple[Window, ...]:
    """Up to `most` windows of the horizon, newest first, each with at least as much past before it as it is long."""
    if not len(past):
        return ()
    horizon_us, first_us = int(horizon_days * DAY_US), int(past.at_us[0])
    starts = [as_of_us - number * horizon_us for number in range(1, most + 1)]
    return tuple(
        Window(start_us=start, end_us=start + horizon_us) for start in starts if start - first_us >= horizon_us
    )


def examples_of(
    interactions: Interactions,
    window: Window,
    learn_at: Callable[[Interactions, int], Knowledge],
    *,
    rng: np.random.Generator,
    most_customers: int,
    negatives: float,
) -> Examples | None:
    """The examples of one window, or None where too few known customers bought in it."""
    known = interactions.before(window.start_us).compact()
    later = interactions.between(window.start_us, window.end_us)
    if not len(known):
        return None
    _, task = evaluate.build_tasks(known, later)
    if task.customers.size < MIN_CUSTOMERS:
        return None
    task = evaluate.at_most(task, most_customers)
    knowledge = learn_at(known, window.start_us)
    parts = list(_batches(knowledge, known, task, window.start_us, rng=rng, negatives=negatives))
    return join(parts)


def _batches(
    knowledge: Knowledge,
    known: Interactions,
    task: evaluate.Task,
    as_of_us: int,
    *,
    rng: np.random.Generator,
    negatives: float,
) -> Iterator[Examples]:
    step = batch_size(knowledge.size)
    for start in range(0, task.customers.size, step):
        codes = task.customers[start : start + step]
        reading = read(knowledge, Histories.of(known, codes, as_of_us))
        everything = np.ones((codes.size, knowledge.size), dtype=np.bool_)
        row, col = candidate_pairs(knowledge, reading, everything, with_owned=True)
        taken = np.asarray(task.truth[start : start + step].todense())[row, col] > 0
        owned, _ = reading.owned_of(row * knowledge.size + col)
        table = features(knowledge, reading, row, col)
        kept = taken | (rng.random(taken.size) < negatives)
        whole = Examples(table=table, taken=taken, owned=owned, group=row + start, kept_share=negatives)
        yield whole.only(kept)


def batch_size(items: int) -> int:
    """How many customers are read at once."""
    return max(1, min(512, BATCH_CELLS // max(items, 1)))


def join(parts: list[Examples]) -> Examples:
    """The parts one after the other, with groups that stay apart."""
    if not parts:
        nothing = np.zeros(0, dtype=np.bool_)
        empty = np.zeros((0, len(FEATURES)), dtype=np.float32)
        return Examples(table=empty, taken=nothing, owned=nothing, group=np.zeros(0, dtype=np.int64))
    return Examples(
        table=np.concatenate([part.table for part in parts]),
        taken=np.concatenate([part.taken for part in parts]),
        owned=np.concatenate([part.owned for part in parts]),
        group=np.concatenate([part.group for part in parts]),
        kept_share=parts[0].kept_share,
    )
