"""Models side by side on the same customers: metric means with intervals, and each one's paired lead over the best baseline.

Every mean is over customers of one task; intervals are 95 % bootstrap. The best baseline is the one of highest recall on the task.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.metrics.interval import Interval, mean_interval, paired_difference
from models.recommender import evaluate
from models.recommender.contract import ByTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from models.recommender.baselines import Entry
    from models.recommender.contract import Fitted
    from models.recommender.interactions import Floats, Interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model on one task; `lead` is its recall less the best baseline's over the same customers (None for that one).

    `leads` has the same over every other model, for a model that is no baseline.
    """

    name: str
    is_baseline: bool
    fit_seconds: float
    recall: Interval
    truncated_recall: Interval
    ndcg: Interval
    hit_rate: Interval
    lead: Interval | None
    leads: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTable:
    """All models on one task, in the order given; no rows when the task has no customers."""

    task: str
    k: int
    customers: int
    rows: tuple[ModelRow, ...]
    best_baseline: str | None

    def row(self, name: str) -> ModelRow | None:
        """The model of this name."""
        return next((row for row in self.rows if row.name == name), None)

    @property
    def champion(self) -> ModelRow | None:
        """The first model that is no baseline."""
        return next((row for row in self.rows if not row.is_baseline), None)


@dataclass(frozen=True, slots=True)
class _Fit:
    fitted: Fitted
    is_baseline: bool
    seconds: float


def compare(
    entries: Sequence[Entry],
    train: Interactions,
    test: Interactions,
    *,
    as_of_us: int,
    k: int,
    rng: np.random.Generator,
    progress: Callable[[str], None] | None = None,
) -> tuple[TaskTable, TaskTable]:
    """Fits every entry on `train` and ranks for `test`: the new task's table, then the any task's."""
    fits = []
    for entry in entries:
        started = time.perf_counter()
        fitted = entry.fit(train, as_of_us)
        fits.append(_Fit(fitted, entry.is_baseline, time.perf_counter() - started))
        if progress:
            progress(f"fitted {fitted.name} in {fits[-1].seconds:.1f} s")
    new, either = evaluate.build_tasks(train, test)
    return (
        _table(fits, train, new, as_of_us=as_of_us, k=k, rng=rng),
        _table(fits, train, either, as_of_us=as_of_us, k=k, rng=rng),
    )


def _table(
    fits: Sequence[_Fit],
    train: Interactions,
    task: evaluate.Task,
    *,
    as_of_us: int,
    k: int,
    rng: np.random.Generator,
) -> TaskTable:
    customers = int(task.customers.size)
    if not customers:
        return TaskTable(task=task.name, k=k, customers=0, rows=(), best_baseline=None)
    values = [evaluate.per_customer(_for(fit.fitted, task), train, task, as_of_us=as_of_us, k=k) for fit in fits]
    baselines = [number for number, fit in enumerate(fits) if fit.is_baseline]
    best = max(baselines, key=lambda number: float(values[number].recall.mean()), default=None)
    theirs = {fit.fitted.name: own.recall for fit, own in zip(fits, values, strict=True)}
    rows = tuple(
        _row(fit, own, values[best].recall if best is not None and best != number else None, theirs, rng)
        for number, (fit, own) in enumerate(zip(fits, values, strict=True))
    )
    name = None if best is None else fits[best].fitted.name
    return TaskTable(task=task.name, k=k, customers=customers, rows=rows, best_baseline=name)


def _for(fitted: Fitted, task: evaluate.Task) -> Fitted:
    return fitted.for_task(task.name) if isinstance(fitted, ByTask) else fitted


def _row(
    fit: _Fit,
    own: evaluate.PerCustomer,
    best: Floats | None,
    theirs: Mapping[str, Floats],
    rng: np.random.Generator,
) -> ModelRow:
    others = () if fit.is_baseline else theirs.items()
    leads = {name: paired_difference(own.recall, recall, rng=rng) for name, recall in others if name != fit.fitted.name}
    return ModelRow(
        name=fit.fitted.name,
        is_baseline=fit.is_baseline,
        fit_seconds=fit.seconds,
        recall=mean_interval(own.recall, rng=rng),
        truncated_recall=mean_interval(own.truncated_recall, rng=rng),
        ndcg=mean_interval(own.ndcg, rng=rng),
        hit_rate=mean_interval(own.hit_rate, rng=rng),
        lead=None if best is None else paired_difference(own.recall, best, rng=rng),
        leads=leads,
    )
