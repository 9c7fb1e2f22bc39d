"""The benchmark of usage intake as a table for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.bench.metering import Intake

_HEAD = ("engine", "way in", "events", "events/s", "raw load/s", "of raw", "p50 ms", "p99 ms", "answers")


def render(runs: Sequence[Intake]) -> str:
    """One line a way in, in plain text; "raw load" is COPY, or executemany, of the same rows into a table of the same shape."""
    rows = [_HEAD, *(_row(run) for run in runs)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = ["Usage events stored durably, once each, and added up by the hour on two meters", ""]
    lines += ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def to_json(runs: Sequence[Intake]) -> str:
    """The same as one JSON object."""
    return json.dumps({"intake": [{**asdict(run), "events_per_second": run.rate, "of_raw": run.share} for run in runs]})


def _row(run: Intake) -> tuple[str, ...]:
    raw = None if run.peer_seconds is None else run.events / run.peer_seconds
    return (
        run.engine,
        run.way,
        f"{run.events:,}",
        f"{run.rate:,.0f}",
        "" if raw is None else f"{raw:,.0f}",
        "" if run.share is None else f"{run.share:.0%}",
        "" if run.p50_ms is None else f"{run.p50_ms:,.0f}",
        "" if run.p99_ms is None else f"{run.p99_ms:,.0f}",
        "right" if run.is_right else "WRONG",
    )
