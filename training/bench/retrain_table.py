"""The retraining benchmark as a table for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from training.bench.retrain import TARGET_LINES, TARGET_MIB, TARGET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.bench.retrain import Retrained

_HEAD = (
    "lines",
    "customers",
    "events",
    "workers",
    "seconds",
    "processor s",
    "busiest s",
    "reading s",
    "peak MiB",
    "s per 100k lines",
)


def render(runs: Sequence[Retrained]) -> str:
    """A table of runs, then one of tasks for each run."""
    target = f"target: {TARGET_LINES:,} lines within {TARGET_SECONDS:.0f} s on two cores and {TARGET_MIB:,.0f} MiB"
    lines = [f"Whole retraining of a simulated shop ({target})", "", *_table([_HEAD, *(_row(run) for run in runs)])]
    for run in runs:
        lines += ["", f"{run.lines:,} lines, {run.workers} worker{'s' if run.workers > 1 else ''}", ""]
        rows = [(t.task, f"{t.seconds:.1f}", f"{t.processor_seconds:.1f}", t.version or "-") for t in run.tasks]
        lines += _table([("task", "seconds", "processor s", "version"), *rows])
        lines += [_verdict(run)] if run.within is not None else []
    return "\n".join(lines)


def _verdict(run: Retrained) -> str:
    if run.within:
        return "  the target is met"
    said = "  the target is NOT met by the wall of this machine"
    if run.busiest_seconds <= TARGET_SECONDS and run.peak_mib <= TARGET_MIB:
        said += (
            f"; the busiest process used {run.busiest_seconds:.0f} s of its core, so it would be on two that are free"
        )
    return said


def to_json(runs: Sequence[Retrained]) -> str:
    """The same as one JSON object."""
    found = [asdict(run) | {"within_target": run.within} for run in runs]
    return json.dumps({"target": {"lines": TARGET_LINES, "seconds": TARGET_SECONDS, "mib": TARGET_MIB}, "runs": found})


def _row(run: Retrained) -> tuple[str, ...]:
    return (
        f"{run.lines:,}",
        f"{run.customers:,}",
        f"{run.events:,}",
        str(run.workers),
        f"{run.seconds:.1f}",
        f"{run.processor_seconds:.1f}",
        f"{run.busiest_seconds:.1f}",
        f"{run.reading_seconds:.1f}",
        f"{run.peak_mib:,.0f}",
        f"{run.seconds / run.lines * 100_000:.1f}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
