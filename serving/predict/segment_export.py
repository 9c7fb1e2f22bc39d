"""Handing out a segment: selected in the query, written a chunk at a time, with a manifest. Shared by the API and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import Kind, UptierError
from billing.kernel.ids import new_id
from features.contact.store import Selection
from features.erased.store import ErasureStore
from features.exports.export import Export, ExportGoneError, policy_hash
from features.exports.fields import checked_fields
from features.exports.formats import writer_of
from features.exports.store import ExportStore
from serving.predict.contact import contact_now, members_query
from serving.predict.export_file import ExportFile, folder_of, path_of, remove_old
from serving.predict.personal import DEFAULT_ITEMS, Wanted, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.contact.store import Member
    from serving.wiring import Services

MOST_COMPOSED: Final = 2_000
"""Customers that are written to personally while a request waits; the command line takes any number."""
PART_ROWS: Final = 500


class TooManyToComposeError(UptierError):
    """Composing content for so many customers takes longer than a request may wait."""

    code = "too_many_to_compose"
    kind = Kind.TOO_LARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for. No fields are the default ones; `asked_by` is kept with the manifest."""

    segment: str
    purpose: str
    channel: str
    file_format: str
    fields: tuple[str, ...] = ()
    items: int = DEFAULT_ITEMS
    asked_by: str
    endpoint_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an export goes, and until when it is kept there; None where it is the operator's own."""

    export_id: str
    path: Path
    kept_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An export that was written and is not on record yet. `starts` has the byte at which each part of PART_ROWS rows begins."""

    export: Export
    path: Path
    starts: tuple[int, ...]


def write_kept(services: Services, scope: Scope, order: Order, *, now: datetime) -> Made:
    """Write the file where it is kept for download; whoever calls keeps it on record, or discards it."""
    export_id = new_id("exp")
    path = path_of(services.settings.home, scope.tenant_id, export_id, order.file_format)
    kept_until = now + timedelta(days=services.settings.export_days)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(services, scope, order, _Place(export_id, path, kept_until), now)


def write_elsewhere(services: Services, scope: Scope, order: Order, path: Path, *, now: datetime) -> Made:
    """Write the file where the operator wants it; it is theirs, and not kept here."""
    return _write(services, scope, order, _Place(new_id("exp"), path, None), now)


def record(unit: Unit, made: Made) -> Export:
    """Keep that it was handed out."""
    ExportStore(unit).add(made.export)
    return made.export


def kept_file(services: Services, unit: Unit, export_id: str, *, now: datetime) -> tuple[Export, Path]:
    """A file that is still kept, to be given out whole. Raises ExportNotFoundError or ExportGoneError.

    When a customer was erased since, it is not given out any more: they may be in it.
    """
    export, path = stored_file(services, unit, export_id, now=now)
    if ErasureStore(unit).since(export.created_at):
        raise ExportGoneError("a customer was erased since, and may be in this file; export again", export=export.id)
    return export, path


def stored_file(services: Services, unit: Unit, export_id: str, *, now: datetime) -> tuple[Export, Path]:
    """The same for who looks at each of its rows anew, and leaves out who was erased."""
    export = ExportStore(unit).get(export_id)
    path = path_of(services.settings.home, unit.scope.tenant_id, export.id, export.file_format)
    if export.kept_until is None or export.kept_until <= now or not path.exists():
        raise ExportGoneError("the file of this export is not kept any more; export again", export=export.id)
    return export, path


def remove_expired(services: Services, scope: Scope, *, now: datetime) -> int:
    """Remove files whose time is over, or that may hold somebody who was erased since; how many."""
    folder = folder_of(services.settings.home, scope.tenant_id)
    if not folder.is_dir():
        return 0
    with services.database.view(scope) as unit:
        exports = ExportStore(unit).kept_at(now)
        oldest = min((export.created_at for export in exports), default=now)
        erased = max((erasure.erased_at for erasure in ErasureStore(unit).since(oldest)), default=None)
    kept = {export.id for export in exports if erased is None or export.created_at > erased}
    return remove_old(folder, kept, services.clock.now())


def _write(services: Services, scope: Scope, order: Order, place: _Place, now: datetime) -> Made:
    with services.database.view(scope) as unit:
        contact, policy = contact_now(unit, services.settings, purpose=order.purpose, channel=order.channel, now=now)
        fields = checked_fields(order.fields, contact)
        selection = Selection(unit, members_query(unit, order.segment), contact)
        included, excluded = selection.counts()
        wanted = Wanted(fields=fields, purpose=order.purpose, channel=order.channel, items=order.items)
        if wanted.is_composed and place.kept_until is not None and included > MOST_COMPOSED:
            raise TooManyToComposeError(
                f"content is composed for {MOST_COMPOSED:,} customers in one request; use 'uptier export segment'",
                included=included,
                limit=MOST_COMPOSED,
            )
        with ExportFile(place.path) as file:
            writer, starts = writer_of(order.file_format, file, fields, items=order.items), []
            for members in _parts(selection):
                starts.append(file.size_bytes)
                writer.write(compose(services, scope, members, wanted, now=now))
            writer.finish()
    export = Export(
        id=place.export_id,
        segment=order.segment,
        purpose=order.purpose,
        channel=order.channel,
        file_format=order.file_format,
        fields=fields,
        included=included,
        excluded=excluded,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        policy_sha256=policy_hash(contact, policy),
        asked_by=order.asked_by,
        endpoint_id=order.endpoint_id,
        kept_until=place.kept_until,
        created_at=now,
    )
    return Made(export=export, path=place.path, starts=tuple(starts))


def _parts(selection: Selection) -> Iterator[Sequence[Member]]:
    for members in selection.members():
        for start in range(0, len(members), PART_ROWS):
            yield members[start : start + PART_ROWS]
