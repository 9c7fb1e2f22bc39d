"""Pushing an export to a webhook endpoint: a message for each part of its rows, in order, and the manifest at the end.

Only where a part lies is queued; its rows are read from the kept file when it is sent. So nobody's data stay in the queue, and who
unsubscribed, withdrew consent or was erased between export and delivery is taken out of the message on the way. Signing, order, retries
and replays are those of every webhook.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from billing.customers.store import CustomerStore
from billing.db.outbox import add_published
from billing.webhooks.endpoint import EndpointDisabledError
from billing.webhooks.enqueue import enqueue
from billing.webhooks.store import EndpointStore
from features.contact.store import ContactStore
from features.exports.export import Export, ExportGoneError, ExportNotFoundError
from features.exports.formats import FormatError
from serving.predict.contact import contact_now
from serving.predict.segment_export import PART_ROWS, stored_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from billing.db.outbox import Fact
    from billing.db.session import Unit
    from serving.predict.segment_export import Made
    from serving.wiring import Services

PART_KIND: Final = "segment.export.part"
DONE_KIND: Final = "segment.export.done"
FORMAT: Final = "jsonl"


def require_endpoint(unit: Unit, endpoint_id: str, file_format: str) -> None:
    """Whether an endpoint can be pushed to. Raises EndpointNotFoundError, EndpointDisabledError or FormatError."""
    if file_format != FORMAT:
        raise FormatError(f"a push carries rows as JSON: ask for the format {FORMAT}", format=file_format)
    if not EndpointStore(unit).get(endpoint_id).is_enabled:
        raise EndpointDisabledError("enable the endpoint first", endpoint=endpoint_id)


def push(unit: Unit, made: Made, endpoint_id: str, *, now: datetime) -> int:
    """Queue an export for an endpoint, behind what waits there; how many messages."""
    endpoint = EndpointStore(unit).lock(endpoint_id)
    ends = [*made.starts[1:], made.export.size_bytes]
    places = list(zip(made.starts, ends, strict=True))
    facts = [
        add_published(
            unit,
            PART_KIND,
            {"export": made.export.id, "part": number, "of": len(places), "start": start, "end": end},
            now,
        )
        for number, (start, end) in enumerate(places, 1)
    ]
    facts.append(add_published(unit, DONE_KIND, made.export.to_document(), now))
    return len(enqueue(unit, endpoint, facts, now=now))


def with_rows(services: Services, unit: Unit, fact: Fact, *, now: datetime) -> Fact:
    """A part with its rows, without those who may not be contacted any more."""
    told = {name: fact.payload[name] for name in ("export", "part", "of")}
    try:
        export, path = stored_file(services, unit, fact.payload["export"], now=now)
    except (ExportGoneError, ExportNotFoundError) as error:
        return replace(fact, payload={**told, "rows": [], "withdrawn": 0, "gone": error.detail})
    rows = _rows_of(path, fact.payload["start"], fact.payload["end"])
    kept = _still_allowed(services, unit, export, rows, now)
    told |= {"segment": export.segment, "purpose": export.purpose, "channel": export.channel}
    return replace(fact, payload={**told, "rows": kept, "withdrawn": len(rows) - len(kept), "gone": None})


def _rows_of(path: Path, start: int, end: int) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read(end - start).splitlines()
    assert len(lines) <= PART_ROWS  # noqa: S101 (the file is ours, and so are the places)
    return [orjson.loads(line) for line in lines]


def _still_allowed(
    services: Services, unit: Unit, export: Export, rows: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Quiet hours were kept when people were selected; what is sent again at night is a message to a machine."""
    contact, _ = contact_now(unit, services.settings, purpose=export.purpose, channel=export.channel, now=now, zones=())
    ids = CustomerStore(unit).ids_by_key(row["key"] for row in rows)
    reasons = ContactStore(unit).reasons(list(ids.values()), contact)
    return [row for row in rows if row["key"] in ids and reasons.get(ids[row["key"]], "erased") is None]
