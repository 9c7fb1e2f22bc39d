"""Handing out a segment: select under consent, write the file, keep that it happened. Shared by the API and the command line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from billing.customers.store import CustomerStore
from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from features.segments.export import select_for
from features.segments.life_cycle import Stage
from features.segments.observe import LIFE_CYCLE, RFM
from features.segments.rfm import NAMES
from features.segments.rules.store import RuleStore
from features.segments.standing.store import INSIDE, StandingStore
from features.segments.store import SegmentStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Unit

FIELDS = ("key", "name", "email", "country")
RULE = "rule"
PLACES = {LIFE_CYCLE: tuple(stage.value for stage in Stage), RFM: NAMES}
Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """The file, and who is in it or was left out for which reason."""

    body: bytes
    included: int
    excluded: dict[str, int]


def export_segment(unit: Unit, key: str, *, purpose: str, channel: str, file_format: str, now: datetime) -> Exported:
    """The members of a segment that may be contacted, as a file; the export is kept on record."""
    if file_format not in FORMATS:
        raise InvalidError(f"a segment is written as {', '.join(FORMATS)}", format=file_format)
    store = SegmentStore(unit)
    members = CustomerStore(unit).by_ids(members_of(unit, key))
    selection = select_for(members.values(), purpose=purpose, channel=channel)
    rows = [{field: getattr(customer, field) for field in FIELDS} for customer in selection.included]
    store.record_export(
        export_id=new_id("exp"),
        segment=key,
        purpose=purpose,
        channel=channel,
        included=len(rows),
        excluded=selection.excluded,
        at=now,
    )
    return Exported(FORMATS[file_format](rows), len(rows), selection.excluded)


def members_of(unit: Unit, key: str) -> list[str]:
    """The customer ids of a cluster (`c1`), a rule (`rule:regulars`), a stage (`life_cycle:lapsed`) or an RFM class (`rfm:champions`)."""
    scheme, _, segment = key.partition(":")
    if scheme == RULE and segment:
        return StandingStore(unit).members(RuleStore(unit).get(segment).scheme, INSIDE)
    if segment in PLACES.get(scheme, ()):
        return StandingStore(unit).members(scheme, segment)
    store = SegmentStore(unit)
    return store.members_of(store.get(key).key)


def _csv(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({field: tame(value) for field, value in row.items()} for row in rows)
    return text.getvalue().encode()


def tame(value: str) -> str:
    """A spreadsheet would run a cell that begins like a formula; a quote in front makes it text.

    >>> tame("=1+1"), tame("Ann")
    ("'=1+1", 'Ann')
    """
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _jsonl(rows: Rows) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _parquet(rows: Rows) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 (heavy, and asked for rarely)
    import pyarrow.parquet as pq  # noqa: PLC0415 (same)

    sink = io.BytesIO()
    columns = {field: pa.array([row[field] for row in rows], pa.string()) for field in FIELDS}
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


FORMATS: dict[str, Callable[[Rows], bytes]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
