"""Check: what usage adds up to by the hour is what its events add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.metering.roll_up import prove_rollups
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Every hour of every customer on every meter that has rollups."""
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
