"""How long a whole retraining of a shop takes, and how much memory: every task over one simulated shop, in processes of one thread each.

Each worker process reads the history for itself, so two workers take less time and more memory than one. Wall time is what the owner
waits; processor time is what it costs; peak memory is the sum over processes of the most that each ever held.
"""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from billing.db.scope import Scope
from billing.db.session import Database
from models.registry.folder import FolderRegistry
from training.bench.retrain_data import BenchShop, make_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from training.context import JobReport

TARGET_LINES, TARGET_SECONDS, TARGET_MIB = 400_000, 90.0, 2_048.0
_FIRST_WORKER = ("recommender",)  # about half of all the time, so it has a process of its own where there are two
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTime:
    """One task: seconds by the wall and of the processor, what it made and the gate's sentence."""

    task: str
    seconds: float
    processor_seconds: float
    version: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """One whole retraining. `reading_seconds` is the longest reading of the history among the workers.

    `busiest_seconds` is the processor time of the worker that used most: what the wall comes to where nobody else wants the cores.
    """

    lines: int
    customers: int
    events: int
    workers: int
    seconds: float
    processor_seconds: float
    busiest_seconds: float
    peak_mib: float
    reading_seconds: float
    tasks: tuple[TaskTime, ...]

    @property
    def within(self) -> bool | None:
        """Whether the target is met, where this is the target's size."""
        if abs(self.lines - TARGET_LINES) > TARGET_LINES * 0.05:
            return None
        return self.seconds <= TARGET_SECONDS and self.peak_mib <= TARGET_MIB


def bench_retrain(
    sizes: Sequence[int],
    train: Callable[..., list[JobReport]],
    tasks: Sequence[str],
    *,
    workers: Sequence[int] = (1,),
    seed: int = 0,
    usage: bool = False,
    progress: Callable[[str], None],
) -> Iterator[Retrained]:
    """Retrain a shop of each size with each number of workers; the answers come as they are found.

    `train` is `training.jobs.run_jobs` or what is called like it in a process of its own; `tasks` are all it knows, in their order.
    """
    for lines in sizes:
        with TemporaryDirectory(prefix="uptier-retrain-") as folder:
            url = f"sqlite:///{Path(folder) / 'shop.db'}"
            shop = make_shop(url, lines, seed=seed, usage=usage, progress=progress)
            for many in workers:
                progress(f"retraining {shop.lines:,} lines with {many} worker{'s' if many > 1 else ''}")
                yield _retrained(shop, train, _shares(tasks, many), Path(folder) / f"home-{many}", seed)


def _retrained(
    shop: BenchShop, train: Callable[..., list[JobReport]], shares: list[tuple[str, ...]], home: Path, seed: int
) -> Retrained:
    os.environ.update(_ONE_THREAD)
    started = time.perf_counter()
    with ProcessPoolExecutor(len(shares), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        parts = [pool.submit(_work, shop, train, home, share, seed) for share in shares]
        done = [part.result() for part in parts]
    seconds = time.perf_counter() - started
    return Retrained(
        lines=shop.lines,
        customers=shop.customers,
        events=shop.events,
        workers=len(shares),
        seconds=seconds,
        processor_seconds=sum(one["processor_seconds"] for one in done),
        busiest_seconds=max(one["processor_seconds"] for one in done),
        peak_mib=sum(one["peak_mib"] for one in done),
        reading_seconds=max(one["reading_seconds"] for one in done),
        tasks=tuple(TaskTime(**task) for one in done for task in one["tasks"]),
    )


def _shares(tasks: Sequence[str], workers: int) -> list[tuple[str, ...]]:
    """The tasks of each process; segments come before the recommender that falls back on them, in whichever process."""
    if workers == 1:
        return [tuple(tasks)]
    first = tuple(task for task in tasks if task in _FIRST_WORKER)
    return [first, tuple(task for task in tasks if task not in first)]


def _work(
    shop: BenchShop, train: Callable[..., list[JobReport]], home: Path, tasks: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """In a process of its own: run the tasks and say what they took."""
    database = Database(shop.url)
    marks: list[tuple[str, float, float]] = []

    def tell(task: str, _words: str) -> None:
        if not marks or marks[-1][0] != task:
            marks.append((task, time.perf_counter(), time.process_time()))

    started = time.process_time()
    reports = train(
        database,
        Scope(shop.tenant_id),
        FolderRegistry(home / "models"),
        now=shop.now,
        seed=seed,
        tasks=tasks,
        tell=tell,
        home=home,
    )
    marks.append(("", time.perf_counter(), time.process_time()))
    database.close()
    spans = {task: (later[1] - at, later[2] - worked) for (task, at, worked), later in pairwise(marks)}
    return {
        "processor_seconds": time.process_time() - started,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "reading_seconds": spans.get("history", (0.0, 0.0))[0],
        "tasks": [
            {
                "task": report.task,
                "seconds": spans.get(report.task, (0.0, 0.0))[0],
                "processor_seconds": spans.get(report.task, (0.0, 0.0))[1],
                "version": report.version,
                "reason": report.reason,
            }
            for report in reports
        ],
    }
