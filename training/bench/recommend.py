"""`uptier bench recommend`: the champion beside honest baselines on any file of purchases, split by time, with intervals.

The last `test_days` whole days are the test; settings are chosen on inner splits of what lies before. Two tasks are told apart, new items
and any item, and basket completion is added where baskets are named. Every figure is a mean over customers (or baskets) with a 95 %
bootstrap interval.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.baselines import BASELINES, Entry
from models.recommender.blend import BlendConfig, FittedBlend, fit_blend
from models.recommender.compare import TaskTable, compare
from models.recommender.interactions import DAY_US, Interactions
from models.recommender.ranker.fit import RankerConfig, RankerFit
from models.recommender.tune import tune_blend
from training.bench.baskets import BasketTable, compare_baskets
from training.bench.interactions_file import InteractionsFileError, read_interactions_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of a file lies on one side of the cut."""

    rows: int
    customers: int
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """Everything the benchmark found; `tasks` are the new and the any task, `baskets` is None without named baskets."""

    file: str
    layout: str
    dropped: dict[str, int]
    cutoff: str
    test_days: float
    k: int
    seed: int
    train: Sizes
    test: Sizes
    tasks: tuple[TaskTable, TaskTable]
    baskets: BasketTable | None
    config: BlendConfig
    how: str
    tune_seconds: float
    ranker_seconds: float
    total_seconds: float
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence on the new task: better than the best baseline with certainty, or not."""
        table = self.tasks[0]
        champion = table.champion
        if champion is None or champion.lead is None:
            return "Nothing to judge: no customer known before the cutoff took an item that was new to them."
        best = f"the best baseline ({table.best_baseline}) on new items"
        if champion.lead.above_zero:
            return f"The {champion.name} beats {best}, with certainty."
        if champion.lead.mean > 0:
            return f"The {champion.name} leads {best}, but not with certainty."
        return f"The {champion.name} does not beat {best}."


def bench_recommend(
    path: Path,
    *,
    test_days: float = 31,
    cutoff: datetime | None = None,
    k: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> BenchReport:
    """Reads the file, splits it by time, tunes inside the training part, and compares; the file is the only thing read.

    `cutoff` is a moment (UTC when it has no zone); without it the last `test_days` days of the file are the test. A file too short for
    that is tested on the last quarter of its time, and a note says so.
    """
    started = time.perf_counter()
    tell = progress or _silent
    tell(f"reading {path.name}")
    source = read_interactions_file(path)
    cut_us, end_us, notes = _window(source.interactions, test_days, cutoff)
    train = source.interactions.before(cut_us).compact()
    test = source.interactions.between(cut_us, end_us).compact()
    if not len(train):
        raise InteractionsFileError("nothing in the file lies before the cutoff", cutoff=_iso(cut_us))
    rng = np.random.default_rng(seed)
    tuning = time.perf_counter()
    tuned = tune_blend(train, cut_us, horizon_days=(end_us - cut_us) / DAY_US, k=k, progress=tell)
    tuned_in = time.perf_counter() - tuning

    def fit_champion(interactions: Interactions, moment_us: int) -> FittedBlend:
        return fit_blend(interactions, moment_us, config=tuned.config)

    ranking = RankerFit(
        train, names=source.names, config=RankerConfig(horizon_days=(end_us - cut_us) / DAY_US), progress=tell
    )
    learning = time.process_time()
    ranker = ranking.fitted(cut_us)
    learned_in = time.process_time() - learning
    ours = [Entry(fit_champion, is_baseline=False)]
    if ranker is not None:
        ours.insert(0, Entry(lambda *_: ranker, is_baseline=False))
    entries = (*BASELINES, *ours)
    tasks = compare(entries, train, test, as_of_us=cut_us, k=k, rng=rng, progress=tell)
    tell("basket completion")
    baskets = (
        compare_baskets(train, test, as_of_us=cut_us, rng=np.random.default_rng(seed), ranker=ranker)
        if source.has_baskets
        else None
    )
    return BenchReport(
        file=path.name,
        layout=source.layout,
        dropped=source.dropped,
        cutoff=_iso(cut_us),
        test_days=(end_us - cut_us) / DAY_US,
        k=k,
        seed=seed,
        train=_sizes(train),
        test=_sizes(test),
        tasks=tasks,
        baskets=baskets,
        config=tuned.config,
        how=tuned.how,
        tune_seconds=tuned_in,
        ranker_seconds=learned_in,
        total_seconds=time.perf_counter() - started,
        notes=notes,
    )


def to_json(report: BenchReport) -> str:
    """The report as JSON, with the verdict."""
    return json.dumps({**asdict(report), "verdict": report.verdict}, indent=1)


def _window(interactions: Interactions, test_days: float, cutoff: datetime | None) -> tuple[int, int, tuple[str, ...]]:
    """The test window [cut, end), and what had to be changed about it."""
    first_us, last_us = int(interactions.at_us[0]), int(interactions.at_us[-1])
    length_us = int(test_days * DAY_US)
    if length_us <= 0:
        raise InteractionsFileError("test_days is above zero", test_days=test_days)
    if cutoff is not None:
        cut_us = int(np.datetime64(_utc_naive(cutoff), "us").astype(np.int64))
        return cut_us, cut_us + length_us, ()
    end_us = (last_us // DAY_US + 1) * DAY_US
    cut_us = end_us - length_us
    if cut_us - first_us < length_us:
        cut_us = last_us - (last_us - first_us) // 4
        note = f"The file spans less than twice {test_days:g} days: tested on the last quarter of its time."
        return cut_us, last_us + 1, (note,)
    return cut_us, end_us, ()


def _utc_naive(moment: datetime) -> datetime:
    offset = moment.utcoffset()
    return moment if offset is None else (moment - offset).replace(tzinfo=None)


def _iso(moment_us: int) -> str:
    return f"{np.datetime64(moment_us, 'us').astype('datetime64[s]')}Z"


def _sizes(part: Interactions) -> Sizes:
    return Sizes(rows=len(part), customers=int(part.customers.size), items=int(part.items.size))


def _silent(_: str) -> None:
    """Progress that nobody watches."""
