"""A simulated history in parts: what lies before the weeks that the demonstration lives through, and each of those weeks' own files."""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.kernel.clock import parse_instant
from serving.demo.members import Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Part:
    """What happened up to `until`, since the part before it."""

    until: datetime
    purchases: Path
    usage: Path
    steps: tuple[Step, ...]


def parts_of(folder: Path, end: datetime, weeks: int) -> list[Part]:
    """The history before the last `weeks` weeks and then each of them; their files go beside the whole ones."""
    bounds = [end - WEEK * number for number in range(weeks, -1, -1)]
    purchases = _split_purchases(folder / "purchases.csv", bounds)
    usage = _split_usage(folder / "usage.jsonl", bounds)
    steps: list[list[Step]] = [[] for _ in bounds]
    with (folder / "subscriptions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            step = Step(parse_instant(row["at"]), row["customer"], row["kind"], row["plan"])
            steps[_part(step.at, bounds)].append(step)
    return [
        Part(until, bought, used, tuple(taken))
        for until, bought, used, taken in zip(bounds, purchases, usage, steps, strict=True)
    ]


def _split_purchases(path: Path, bounds: Sequence[datetime]) -> list[Path]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        rows: list[list[dict[str, str]]] = [[] for _ in bounds]
        for row in reader:
            rows[_part(parse_instant(row["at"]), bounds)].append(row)
    paths = []
    for number, part in enumerate(rows):
        paths.append(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        with paths[-1].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(part)
    return paths


def _split_usage(path: Path, bounds: Sequence[datetime]) -> list[Path]:
    lines: list[list[str]] = [[] for _ in bounds]
    with path.open(encoding="utf-8") as file:
        for line in file:
            lines[_part(parse_instant(json.loads(line)["time"]), bounds)].append(line)
    paths = []
    for number, part in enumerate(lines):
        paths.append(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        paths[-1].write_text("".join(part), encoding="utf-8")
    return paths


def _part(at: datetime, bounds: Sequence[datetime]) -> int:
    """The part an instant belongs to; the last one for what happened at the very end."""
    return min(bisect_right(bounds, at), len(bounds) - 1)
