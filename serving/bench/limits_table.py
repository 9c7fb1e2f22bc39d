"""The benchmark of rate limiters as tables for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from serving.bench.limits import CROWD, EXACT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.bench.limits import Measured, Report

_HEAD = ("who", "counts in", "decisions/s", "p50 ms", "p99 ms", "CPU us")


def render(report: Report) -> str:
    """Plain text."""
    lines = [f"Of a limit of {EXACT}, {CROWD} callers got through", ""]
    for each in report.checked:
        verdict = "" if each.is_right else "  WRONG" if each.is_ours else "  inexact"
        lines.append(f"  {each.name:26} {each.store:18} {each.passed:5}{verdict}")
    for limits in (1, 3):
        for callers in (1, CROWD):
            rows = [each for each in report.measured if (each.limits, each.callers) == (limits, callers)]
            if rows:
                words = "one limit" if limits == 1 else f"{limits} limits"
                lines += ["", f"{words}, {callers} at once", "", *_table(rows)]
    if any(each.store == "redis" for each in report.measured):
        lines += ["", *_ratios(report)]
    return "\n".join(lines)


def to_json(report: Report) -> str:
    """The same as one JSON object."""
    return json.dumps(
        {
            "checked": [{**asdict(each), "is_right": each.is_right} for each in report.checked],
            "measured": [asdict(each) for each in report.measured],
        }
    )


def _ratios(report: Report) -> list[str]:
    """Ours in Redis beside the fastest of `limits` and beside the raw call."""
    found = []
    for limits, callers in ((1, 1), (1, CROWD), (3, CROWD)):
        ours = report.a_second("Uptier", limits, callers)
        peer, raw = report.a_second("limits", limits, callers), report.a_second("raw EVALSHA", limits, callers)
        found.append(
            f"In Redis, {limits} at a time, {callers} at once: {ours / peer:.1f} x the fastest of limits, {ours / raw:.1f} x the raw calls"
        )
    return found


def _table(rows: Sequence[Measured]) -> list[str]:
    cells = [
        (
            each.name,
            each.store,
            f"{each.a_second:,.0f}",
            f"{each.p50_ms:.2f}",
            f"{each.p99_ms:.2f}",
            f"{each.cpu_us:.1f}",
        )
        for each in rows
    ]
    widths = [max(map(len, column)) for column in zip(_HEAD, *cells, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (_HEAD, *cells)
    ]
