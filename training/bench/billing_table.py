"""The billing benchmark as a table for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.bench.billing import Measured

_HEAD = ("engine", "workers", "subscriptions", "events", "seconds", "invoices/s", "peak MiB", "books")


def render(rates: Mapping[str, float], runs: Sequence[Measured]) -> str:
    """Two tables in plain text."""
    lines = ["Charges rated a second by one core, each with its explanation", ""]
    lines += [f"  {model:<12}{rate:>12,.0f}" for model, rate in rates.items()]
    lines += ["", "One billing run that closes a month, five charges a subscription", ""]
    rows = [_HEAD, *(_row(run) for run in runs)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines += ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def render_profile(shares: Mapping[str, float], engine: str) -> str:
    """Where the time went, in plain text."""
    lines = [
        "",
        f"Where the time of a run on {engine} goes (one worker, under a profiler, which slows Python alone)",
        "",
    ]
    return "\n".join([*lines, *(f"  {part:<42}{share:>6.0%}" for part, share in shares.items())])


def to_json(rates: Mapping[str, float], runs: Sequence[Measured], shares: Mapping[str, float] | None = None) -> str:
    """The same as one JSON object."""
    found = {"rated_per_second": dict(rates), "runs": [asdict(run) for run in runs]}
    return json.dumps(found | ({"profile": dict(shares)} if shares else {}))


def _row(run: Measured) -> tuple[str, ...]:
    return (
        run.engine,
        str(run.workers),
        f"{run.subscriptions:,}",
        f"{run.events:,}",
        f"{run.seconds:.1f}",
        f"{run.invoices_per_second:,.0f}",
        f"{run.peak_mib:,.0f}",
        "whole" if run.whole else "BROKEN",
    )
