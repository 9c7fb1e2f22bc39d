"""Check: every event that was taken in is kept once, archives are whole, and usage by the hour is what its events add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.metering.archive_store import ArchiveStore, beside
from billing.metering.roll_up import prove_rollups
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Every event; every hour of every customer on every meter that has rollups; files that cannot be read are told instead."""
    keys, kept = ArchiveStore(unit).counts()
    if keys != kept:
        yield Finding(
            code="usage_events_lost",
            sentence=f"{keys} events were taken in and {kept} are kept, in the table and in archives",
            ids=(unit.scope.tenant_id,),
        )
    archived = beside(unit, ArchiveStore(unit).files())
    unreadable = [] if archived is None else list(archived.unreadable())
    for error in unreadable:
        yield Finding(code=error.code, sentence=error.detail, ids=(str(error.facts["month"]),))
    if not unreadable:
        yield from _differences(unit)


def _differences(unit: Unit) -> Iterator[Finding]:
    for found in prove_rollups(unit):
        kept, events = found.kept, found.events
        yield Finding(
            code="usage_rollup_differs",
            sentence=(
                f"meter {found.meter_key} of {found.customer_id} at {found.hour:%Y-%m-%d %H}:00 UTC is kept as "
                f"{kept.count} events, sum {kept.total}, largest {kept.largest}; its events make "
                f"{events.count}, sum {events.total}, largest {events.largest}"
            ),
            ids=(found.meter_key, found.customer_id),
        )
