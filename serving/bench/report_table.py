"""The figures of a report's benchmark as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.bench.report import Report

_HEAD = ("what", "units", "rows", "seconds", "processor s here", "peak MiB", "page KiB")


def render(report: Report) -> str:
    """A table for people."""
    rows = [
        (
            f"{timed.engine}, {timed.metrics} metrics",
            f"{timed.units:,}",
            f"{timed.rows:,}",
            f"{timed.seconds:.2f}",
            f"{timed.processor_seconds:.2f}",
            f"{timed.peak_mib:,.0f}",
            f"{timed.html_kib:,.0f}",
        )
        for timed in (*report.full, *report.sample)
    ]
    sample = report.sample[0]
    python = (
        "plain Python, 2 metrics",
        f"{sample.units:,}",
        f"{sample.rows:,}",
        f"{report.python_seconds:.2f}",
        "",
        "",
        "",
    )
    lines = [" | ".join(row) for row in (_HEAD, *rows, python)]
    agree = "Both engines and the recomputation agree on every sum." if report.is_right else "\n".join(report.differing)
    return "\n".join([*lines, agree])


def to_json(report: Report) -> str:
    """The same for machines."""
    return json.dumps(asdict(report) | {"is_right": report.is_right})
