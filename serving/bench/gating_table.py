"""The benchmark of the gate as tables for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.bench.gating import Heard, InProcess
    from serving.bench.gating_http import OverHttp

_PERCENTS = (50, 99, 99.9)


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured; `heard` where there is a Redis."""

    engine: str
    in_process: Sequence[InProcess]
    over_http: Sequence[OverHttp]
    heard: Heard | None


def render(report: Report) -> str:
    """Plain text."""
    lines = ["One decision in the process, microseconds of CPU, the best of several rounds in turn", ""]
    lines += _table(
        ("who", "what", "us", "decisions/s"),
        [(each.who, each.what, f"{each.micros:.2f}", f"{1_000_000 / each.micros:,.0f}") for each in report.in_process],
    )
    if report.heard is not None:
        told = report.heard
        lines += [
            "",
            f"A change in one process is heard of by another's gate over Redis, {told.changes} changes: {_waits(told)}",
        ]
    lines += [
        "",
        f"Over HTTP, {report.engine}, callers on the same machine; latency from when a request was due, at half the closed loop's rate",
        "",
    ]
    head = ("who", "what", "answers/s", "server CPU ms", *(f"p{percent} ms" for percent in _PERCENTS))
    lines += _table(head, [_row(each) for each in report.over_http])
    return "\n".join(lines)


def _waits(told: Heard) -> str:
    return f"p50 {told.p50_ms:.1f} ms, p99 {told.p99_ms:.1f} ms, worst {told.worst_ms:.1f} ms"


def to_json(report: Report) -> str:
    """The same as one JSON object."""
    return json.dumps(
        {
            "engine": report.engine,
            "in_process": [asdict(each) for each in report.in_process],
            "heard": None if report.heard is None else asdict(report.heard),
            "over_http": [_document(each) for each in report.over_http],
        }
    )


def _document(each: OverHttp) -> dict[str, Any]:
    waited = {f"open_p{percent}_ms": each.open.percentile(percent) for percent in _PERCENTS}
    return {
        "who": each.who,
        "what": each.what,
        "answers_per_second": each.closed.rate,
        "cpu_ms": each.closed.cpu_ms,
    } | waited


def _row(each: OverHttp) -> tuple[str, ...]:
    waited = (f"{each.open.percentile(percent):.1f}" for percent in _PERCENTS)
    return (each.who, each.what, f"{each.closed.rate:,.0f}", f"{each.closed.cpu_ms:.3f}", *waited)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    return [
        "  " + "  ".join(_cell(cell, width, place) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in (head, *rows)
    ]


def _cell(cell: str, width: int, place: int) -> str:
    return cell.ljust(width) if place < 2 else cell.rjust(width)  # who and what are words
