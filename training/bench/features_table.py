"""The features benchmark as text for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.bench.features import EngineRow, FeaturesReport


def render(report: FeaturesReport) -> str:
    """The whole report as plain text, 110 columns wide."""
    lines = [
        (
            f"Point-in-time features: {report.events:,} purchases of {report.customers:,} customers, "
            f"{report.views} features at {report.as_ofs:,} as-ofs, seed {report.seed}"
        ),
        *_rows(report.engines),
        "",
        f"Usage: {report.events:,} events in ninety days, {report.busy_as_ofs:,} as-ofs at midnights",
        *_rows(report.busy),
        "",
        "Every value is compared bit for bit with that of DuckDB. Processor time is of one thread of this process.",
    ]
    return "\n".join(lines)


def to_json(report: FeaturesReport) -> str:
    """The report as one JSON document."""
    return json.dumps(asdict(report))


def _rows(rows: Iterable[EngineRow]) -> list[str]:
    head = f"  {'engine':<30}{'processor s':>12}{'clock s':>10}{'values':>12}{'differ':>9}  "
    return [head.rstrip(), *(_row(row) for row in rows)]


def _row(row: EngineRow) -> str:
    compared = "" if row.compared is None else f"{row.compared:,}"
    differing = "" if row.differing is None else f"{row.differing:,}"
    line = f"  {row.name:<30}{row.processor:>12.2f}{row.wall:>10.2f}{compared:>12}{differing:>9}  {row.note}"
    return line.rstrip()
