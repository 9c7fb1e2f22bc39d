"""`uptier bench latency`: milliseconds of one customer's answer in process, ours and the peers', on the same split in the same run.

Ours is what a request calls: masks, candidates, features, trees, reasons. One thread. Peers answer from an environment of their own, and
where it is missing the report says how to get it. Times are of the wall; look at ratios, since machines are shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # (ships no types)

from models.recommender.blend import fit_blend
from models.recommender.fit import FitConfig, build_snapshot
from models.recommender.interactions import DAY_US
from models.recommender.options import Options
from models.recommender.ranker.fit import RankerConfig, RankerFit
from training.bench import latency_peers
from training.bench.interactions_file import read_interactions_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.recommender.interactions import Interactions
    from models.recommender.snapshot import RecommenderSnapshot

    Progress = Callable[[str], None]
    History = list[tuple[str, int]]

K = latency_peers.K
HOW_TO_GET_PEERS = "the peers are not installed: run `make peers`, or name their interpreter with --peers"
_DEFAULT_PEERS = Path(".venv-peers/bin/python")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """One engine: how long a call takes, in milliseconds, and how much processor; `error` where it could not be timed."""

    name: str
    is_ours: bool
    fit_seconds: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    cpu_p50_ms: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyReport:
    """All engines over the same customers."""

    file: str
    customers: int
    items: int
    asked: int
    mean_candidates: float
    rows: tuple[LatencyRow, ...]
    note: str | None


def bench_latency(
    path: Path,
    *,
    asked: int = 500,
    seed: int = 0,
    peers: Path | None = None,
    rounds: int = 3,
    progress: Progress | None = None,
) -> LatencyReport:
    """Fit on the whole file, and answer for `asked` of its customers, `rounds` times in turn; the best round of each call counts."""
    tell = progress or _silent
    tell(f"reading {path.name}")
    source = read_interactions_file(path)
    taken = source.interactions
    as_of_us = int(taken.at_us[-1]) + 1
    rng = np.random.default_rng(seed)
    people = rng.choice(taken.customers.size, size=min(asked, taken.customers.size), replace=False)
    snapshot, fit_seconds = _fit(taken, as_of_us, source.names, tell)
    histories = _histories(taken, people)
    ways = [("Uptier, retrieval only", Options(use_ranker=False))]
    if snapshot.ranker is not None:
        ways.append(("Uptier, ranker on", Options()))
    rows = []
    with threadpool_limits(limits=1):
        for name, options in ways:
            tell(f"asking {name}")
            timed = np.array([_calls(snapshot, histories, as_of_us, options) for _ in range(rounds)])
            calls, busy = timed.min(axis=0).T
            rows.append(_row(name, calls, busy, fit_seconds, is_ours=True))
    found, note = ask_peers(taken, people, peers or _DEFAULT_PEERS, tell)
    return LatencyReport(
        file=path.name,
        customers=int(taken.customers.size),
        items=int(taken.items.size),
        asked=int(people.size),
        mean_candidates=_mean_candidates(snapshot, histories, as_of_us),
        rows=(*rows, *found),
        note=note,
    )


def to_json(report: LatencyReport) -> str:
    """The report as JSON."""
    return json.dumps(asdict(report), indent=1)


def render(report: LatencyReport) -> str:
    """The report as text."""
    lines = [
        f"One customer's top {K}, in process, one thread: {report.file}, {report.customers:,} customers, {report.items:,} items",
        f"  {report.asked} customers asked in turn; the ranker orders {report.mean_candidates:.0f} candidates on average",
        f"  {'engine':<28}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'cpu p50':>9}{'fit s':>9}",
    ]
    for row in report.rows:
        mark = "*" if row.is_ours else " "
        if row.error is not None or row.p50_ms is None:
            lines.append(f"{mark} {row.name:<28}{row.error or 'nothing to time'}")
            continue
        lines.append(
            f"{mark} {row.name:<28}{row.p50_ms:>9.3f}{row.p95_ms:>9.3f}{row.p99_ms:>9.3f}{row.cpu_p50_ms:>9.3f}{row.fit_seconds:>9.1f}"
        )
    return "\n".join(lines + ([report.note] if report.note else []))


def _fit(
    taken: Interactions, as_of_us: int, names: dict[str, str], tell: Progress
) -> tuple[RecommenderSnapshot, float]:
    started = time.perf_counter()
    days = (as_of_us - int(taken.at_us[0])) / DAY_US
    config = RankerConfig(horizon_days=min(31.0, days / 5))
    ranker = RankerFit(taken, names=names, config=config, progress=tell).fitted(as_of_us)
    snapshot = build_snapshot(
        fit_blend(taken, as_of_us),
        taken,
        as_of_us=as_of_us,
        segments={},
        item_first_seen={},
        config=FitConfig(),
        ranker=ranker,
    )
    return snapshot, time.perf_counter() - started


def _histories(taken: Interactions, people: np.ndarray[Any, Any]) -> list[History]:
    wanted = np.zeros(taken.customers.size, dtype=np.bool_)
    wanted[people] = True
    lines = taken.row_mask(wanted)
    found: dict[int, History] = {int(code): [] for code in people}
    for row, col, at_us in zip(lines.row.tolist(), lines.col.tolist(), lines.at_us.tolist(), strict=True):
        found[row].append((str(taken.items[col]), at_us))
    return list(found.values())


def _calls(
    snapshot: RecommenderSnapshot, histories: list[History], now_us: int, options: Options
) -> list[tuple[float, float]]:
    """Milliseconds of the wall and of the processor of each call."""
    calls = []
    for history in histories:
        owned = {item for item, _ in history}
        begun, worked = time.perf_counter(), time.process_time()
        snapshot.recommend(history, now_us=now_us, k=K, blocked=owned, options=options)
        calls.append(((time.perf_counter() - begun) * 1e3, (time.process_time() - worked) * 1e3))
    return calls


def _mean_candidates(snapshot: RecommenderSnapshot, histories: list[History], now_us: int) -> float:
    counts = [snapshot.candidates_for(history, now_us=now_us) for history in histories[:50]]
    return float(np.mean(counts)) if counts else 0.0


def _row(name: str, calls: Any, busy: Any, fit_seconds: float, *, is_ours: bool) -> LatencyRow:
    p50, p95, p99 = np.percentile(np.asarray(calls), [50, 95, 99]).tolist()
    return LatencyRow(
        name=name,
        is_ours=is_ours,
        fit_seconds=fit_seconds,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        cpu_p50_ms=float(np.median(busy)),
    )


def ask_peers(
    taken: Interactions, people: np.ndarray[Any, Any], python: Path, tell: Progress
) -> tuple[list[LatencyRow], str | None]:
    """The rows of the peers behind an interpreter, or a note on how to get them."""
    if not python.is_file():
        return [], HOW_TO_GET_PEERS
    tell("fitting and asking the peers")
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    with TemporaryDirectory() as folder:
        split, answers = Path(folder) / "split.npz", Path(folder) / "answers.json"
        row, col, _ = taken.latest()
        np.savez(split, row=row, col=col, asked=people)
        command = [str(python), str(Path(latency_peers.__file__)), str(split), str(answers)]
        done = subprocess.run(  # noqa: S603 (the interpreter the caller named, and a file of ours)
            command, env={**os.environ, **single}, capture_output=True, text=True, check=False
        )
        if done.returncode or not answers.is_file():
            return [], f"the peers failed: {done.stderr.strip()[-300:]}"
        found = json.loads(answers.read_text(encoding="utf-8"))
    return [
        LatencyRow(name=one["name"], is_ours=False, error=one["error"])
        if "error" in one
        else _row(one["name"], one["calls_ms"], one["busy_ms"], one["fit_seconds"], is_ours=False)
        for one in found
    ], None


def _silent(_: str) -> None:
    """Progress that nobody watches."""
