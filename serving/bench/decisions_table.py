"""The benchmark of decisions as a table for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.bench.decisions import Bench, Driven

_PERCENTS = (50, 95, 99)
TARGET_MS = 15.0


def render(bench: Bench) -> str:
    """Plain text."""
    heard = "changes heard over Redis" if bench.has_redis else "one process, no Redis"
    head = ("who", "what", "answers", *(f"p{percent} ms" for percent in _PERCENTS), "CPU ms each", "new", "stored")
    rows = [head, *(_row(run) for run in bench.runs)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines = [
        f"Decisions over HTTP, {bench.engine}, {bench.customers:,} customers, {heard}; latency from when a request was due",
        "",
        *table,
        "",
    ]
    for run in bench.runs:
        if run.reasons:
            told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(run.reasons.items()))
            lines.append(f"{run.what}: {told}")
    lines.append(f"Most places under the caps of one customer: {bench.most_places} of {bench.allowed_places} allowed")
    return "\n".join(lines)


def to_json(bench: Bench) -> str:
    """All of it."""
    return json.dumps(
        {
            "engine": bench.engine,
            "has_redis": bench.has_redis,
            "customers": bench.customers,
            "rate": bench.rate,
            "is_right": bench.is_right,
            "most_places": bench.most_places,
            "allowed_places": bench.allowed_places,
            "runs": [_run(run) for run in bench.runs],
        }
    )


def _run(run: Driven) -> dict[str, Any]:
    return {
        "who": run.who,
        "what": run.what,
        "answers": run.load.answers,
        "seconds": round(run.load.seconds, 3),
        "cpu_ms_each": round(run.load.cpu_ms, 4),
        **{f"p{percent}_ms": round(run.load.percentile(percent), 3) for percent in _PERCENTS},
        "reasons": dict(run.reasons),
        "different": run.different,
        "stored": run.stored,
    }


def _row(run: Driven) -> tuple[str, ...]:
    load = run.load
    return (
        run.who,
        run.what,
        f"{load.answers:,}",
        *(f"{load.percentile(percent):.2f}" for percent in _PERCENTS),
        f"{load.cpu_ms:.3f}",
        f"{run.different:,}" if run.stored is not None else "-",
        f"{run.stored:,}" if run.stored is not None else "-",
    )
