"""Archiving months of events, and bringing them back: each month of each tenant a file, and at every moment every event in one place.

The file is written, kept by the disk, and read back to its last event before one transaction lets it stand for the rows. A run that is
ended at any point has lost nothing; what it wrote in vain is written again by the next, which finishes what is left.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.metering import archive_file
from billing.metering.archive import ArchiveChangedError, ArchiveFile, ArchiveUnreadableError
from billing.metering.archive_store import ArchiveStore
from billing.metering.month import month_of, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database
    from billing.metering.archive import Contents, Record

_TRIES = 3
_ROWS_A_BATCH = 20_000


def nothing(_: str) -> None:
    """For who does not want to be told."""


def check_over(before: datetime, now: datetime) -> None:
    """Refuse to archive a month that is not over."""
    if before > month_of(now):
        raise InvalidError(
            f"months are archived when they are over: before {name_of(month_of(now))} at the latest",
            before=name_of(before),
        )


def archivable(database: Database, scope: Scope, before: datetime, *, now: datetime) -> list[datetime]:
    """The months before one that have events in the table; it may be the present month at the latest, which is not over."""
    check_over(before, now)
    with database.view(scope) as unit:
        return list(ArchiveStore(unit).months(before))


def archive_month(
    database: Database,
    scope: Scope,
    folder: Path,
    month: datetime,
    *,
    now: datetime,
    tell: Callable[[str], None] = nothing,
) -> ArchiveFile:
    """Put a month's events into a file under `folder`; those that were put away before stay in their own. Told of each step done."""
    for attempt in range(_TRIES):
        archive, contents = _written(database, scope, folder, month, now)
        tell("written")
        if archive_file.contents_of(archive, scope.tenant_id) != contents:
            raise ArchiveUnreadableError(archive, "does not hold what was written")
        tell("verified")
        try:
            with database.unit(scope) as unit:
                ArchiveStore(unit).put_away(archive, contents)
                tell("removing")
        except ArchiveChangedError:
            _throw_away(database, scope, archive)
            if attempt == _TRIES - 1:
                raise
        else:
            break
    tell("archived")
    return archive


def restore_month(
    database: Database, scope: Scope, month: datetime, *, tell: Callable[[str], None] = nothing
) -> list[ArchiveFile]:
    """Bring a month's events back into the table; the files stay where they are and stand for nothing any more."""
    with database.view(scope) as unit:
        files = [archive for archive in ArchiveStore(unit).files() if archive.month == month]
    restored = []
    for archive in files:
        archive_file.check(archive, scope.tenant_id)
        records = archive_file.read(archive, scope.tenant_id)
        with database.unit(scope) as unit:
            if ArchiveStore(unit).bring_back(archive, _batches(records)):
                restored.append(archive)
        tell("restored")
    return restored


def _throw_away(database: Database, scope: Scope, archive: ArchiveFile) -> None:
    """Remove a file that stands for nothing. One of the same name has the same events: another run may just have put them away in it."""
    with database.view(scope) as unit:
        if all(known.path != archive.path for known in ArchiveStore(unit).files()):
            Path(archive.path).unlink(missing_ok=True)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, _ROWS_A_BATCH)):
        yield batch


def _written(
    database: Database, scope: Scope, folder: Path, month: datetime, now: datetime
) -> tuple[ArchiveFile, Contents]:
    with database.view(scope) as unit:
        store = ArchiveStore(unit)
        part = 1 + max((known.part for known in store.files() if known.month == month), default=0)
        place, digest, contents = archive_file.write(
            folder.resolve() / scope.tenant_id, scope.tenant_id, month, part, store.records(month)
        )
    first, last, known = contents.first_at, contents.last_at, contents.known_until
    if first is None or last is None or known is None:
        place.unlink()
        raise ArchiveChangedError(f"there are no events of {name_of(month)} to archive", month=name_of(month))
    archive = ArchiveFile(
        month=month,
        part=part,
        path=str(place),
        sha256=digest,
        bytes=place.stat().st_size,
        rows=contents.rows,
        first_at=first,
        last_at=last,
        known_until=known,
        archived_at=now,
    )
    return archive, contents
