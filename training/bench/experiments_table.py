"""The simulated experiments as text for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from training.bench.experiments import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.bench.experiments import Report, Row


def render(report: Report) -> str:
    """The whole report as plain text, 100 columns wide."""
    setting = report.setting
    size = f"{setting.runs:,} experiments of {setting.units_an_arm:,} units an arm over {setting.days} days"
    lines = [f"{size}, base rate {setting.base:.1%}, seed {setting.seed}"]
    for kind in KINDS:
        for lift in (0.0, setting.lift):
            said = "no difference: every decision is wrong" if not lift else f"a lift of {lift:+.0%}"
            lines += ["", f"{kind}, {said}", *_rows(row for row in report.rows if (row.kind, row.lift) == (kind, lift))]
    lines += ["", f"Clean splits in which an alarm rang within {setting.days} days, 1,000 units a day"]
    lines += [f"  {name:<40}{share:>8.2%}" for name, share in report.false_alarms.items()]
    return "\n".join(lines)


def to_json(report: Report) -> str:
    """The report as one JSON document."""
    return json.dumps(asdict(report))


def _rows(rows: Iterable[Row]) -> list[str]:
    head = f"  {'rule':<40}{'wins':>8}{'loses':>8}{'decides':>9}   95 % interval"
    return [head, *(_line(row) for row in rows)]


def _line(row: Row) -> str:
    within = row.interval
    return f"  {row.rule:<40}{row.won:>8.2%}{row.lost:>8.2%}{row.decided:>9.2%}   {within.low:.2%} to {within.high:.2%}"
