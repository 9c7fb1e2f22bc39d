"""How long a report over millions of rows takes and how much memory it holds, beside the same figures by plain Python on a sample.

The sample is loaded into SQLite too: both engines and the recomputation must agree on every sum, or speed says nothing.
"""

from __future__ import annotations

import math
import resource
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from billing.db.migrate import upgrade
from billing.db.partitions import make_partitions
from billing.db.scope import Scope
from billing.db.session import Database
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.experiments.experiment import Status
from features.experiments.store import ExperimentStore
from serving.bench.report_data_store import ARMS, RUN, START, ReportData, Size, by_hand
from serving.experiments.gather import evidence, report_of
from serving.experiments.manage import create, start
from serving.experiments.page_file import self_contained

if TYPE_CHECKING:
    from collections.abc import Callable

    from features.experiments.experiment import Experiment

_ROUNDS = 3
_NOW = START + timedelta(days=56)
_ASKED: dict[str, Any] = {
    "key": RUN,
    "arms": [{"key": arm} for arm in ARMS],
    "primary": {"key": "revenue", "window_days": 14},
    "secondary": [
        {"key": "conversion", "window_days": 14},
        {"key": "lessons", "measure": "event_count", "event": "lesson", "window_days": 14},
        {"key": "taught", "measure": "event_rate", "event": "lesson", "window_days": 14},
    ],
    "planned_units": 100_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The quickest of three reports: seconds, processor seconds of this process, the most memory it ever held, and what it was made of."""

    engine: str
    units: int
    rows: int
    seconds: float
    processor_seconds: float
    peak_mib: float
    html_kib: float
    metrics: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report at full size, those of the sample, and the recomputation of one metric of the sample in plain Python."""

    full: list[Timed]
    sample: list[Timed]
    python_seconds: float
    differing: list[str]

    @property
    def is_right(self) -> bool:
        """Whether engines and recomputation agree."""
        return not self.differing


def bench_report(url: str, *, units: int, rows: int, sample: int, seed: int, tell: Callable[[str], None]) -> Report:
    """Fill, report, and compare; `url` is an empty PostgreSQL database, or empty for SQLite at the sample's size only."""
    share = max(rows * sample // units, 10)
    with TemporaryDirectory() as folder:
        small, found = _run(f"sqlite:///{folder}/sample.db", Size.of(sample, share), seed, tell)
        began = time.process_time()
        by_python = by_hand(f"{folder}/sample.db", _NOW, timedelta(days=14), 0.99)
        python_seconds = time.process_time() - began
    samples, full, differing = [small], [], _compare("by hand", found, by_python)
    if url:
        other, theirs = _run(url, Size.of(sample, share), seed, tell)
        samples.append(other)
        differing += _compare("PostgreSQL", found, theirs)
        big, _ = _run(url, Size.of(units, rows), seed, tell, key=1)
        full.append(big)
    return Report(full=full, sample=samples, python_seconds=python_seconds, differing=differing)


def _run(url: str, size: Size, seed: int, tell: Callable[[str], None], *, key: int = 0) -> tuple[Timed, dict[str, Any]]:
    upgrade(url)
    make_partitions(url, [START.replace(day=1), START.replace(month=4, day=1)])
    database = Database(url)
    opened = open_tenant(
        database, name=f"Bench {key}", currency="EUR", zone="UTC", mode=Mode.TEST, now=START, origins=[]
    )
    tenant = opened.tenant.id
    ReportData(url, tenant, size, seed + key).fill(tell)
    with database.unit(Scope(tenant)) as unit:
        create(unit, _ASKED, currency="EUR", now=START)
        start(unit, RUN, now=START + timedelta(days=28))
        experiment = ExperimentStore(unit).get(RUN)
    assert experiment.status is Status.RUNNING  # noqa: S101 (a benchmark of nothing would look quick)
    tell(f"reporting on {size.units:,} units")
    timed, sums = _report(database, Scope(tenant), experiment, size)
    database.close()
    return timed, sums


def _report(database: Database, scope: Scope, experiment: Experiment, size: Size) -> tuple[Timed, dict[str, Any]]:
    seconds = processor = math.inf
    for _ in range(_ROUNDS):
        began, worked = time.perf_counter(), time.process_time()
        with database.view(scope) as unit:
            document = report_of(unit, experiment, now=_NOW)
        page = self_contained(document)
        seconds, processor = min(seconds, time.perf_counter() - began), min(processor, time.process_time() - worked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with database.view(scope) as unit:
        seen = evidence(unit, experiment, until=_NOW)
    sums = {metric: {arm: asdict(each) for arm, each in arms.items()} for metric, arms in seen.sums.items()}
    timed = Timed(
        engine=database.engine.dialect.name,
        units=size.units,
        rows=size.events + size.entries + size.steps,
        seconds=seconds,
        processor_seconds=processor,
        peak_mib=peak,
        html_kib=len(page.encode()) / 1024,
        metrics=len(document["metrics"]),
    )
    return timed, sums


def _compare(who: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Where sums differ by more than the rounding of a float sum."""
    found = []
    for metric in sorted(ours.keys() & theirs.keys()):
        for arm, sums in ours[metric].items():
            found += [
                f"{who}: {metric}, {arm}, {name}: {value} and {theirs[metric][arm][name]}"
                for name, value in sums.items()
                if abs(value - theirs[metric][arm][name]) > 1e-9 * max(abs(value), 1.0)
            ]
    return found
