"""Bringing in a file of usage events, one JSON document a line; a bad line is reported by its number, an empty one is nothing.

Every batch is a transaction of its own and an event is stored once by its identity, so running an interrupted import again finishes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.metering.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from billing.db.scope import Scope
    from billing.db.session import Database

_BATCH = 2000


@dataclass(slots=True)
class UsageReport:
    """What became of a file's lines; `rejected` holds the line's number, the event's id, a code and a sentence."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)


def import_usage(
    database: Database,
    scope: Scope,
    file: Path,
    *,
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> UsageReport:
    """Store a file's events; as history, each counts as known when it happened."""
    report = UsageReport()
    for numbers, documents in _batches(file):
        with database.unit(scope) as unit:
            receipt = ingest(unit, documents, now=now, is_history=True)
        report.accepted += receipt.accepted
        report.duplicates += receipt.duplicates
        report.rejected += [
            {"line": numbers[item.index], "id": item.id, "code": item.code, "detail": item.detail}
            for item in receipt.rejected
        ]
        if progress is not None:
            progress(len(documents))
    return report


def _batches(file: Path) -> Iterator[tuple[list[int], list[object]]]:
    """(numbers, documents) of each batch of lines; a line that is no JSON stays in, to be rejected by its number."""
    numbers: list[int] = []
    documents: list[object] = []
    with file.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            numbers.append(number)
            documents.append(_document(line))
            if len(documents) == _BATCH:
                yield numbers, documents
                numbers, documents = [], []
    if documents:
        yield numbers, documents


def _document(line: bytes) -> object:
    try:
        return json.loads(line, parse_float=str)
    except (ValueError, RecursionError):
        return None
