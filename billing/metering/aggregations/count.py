"""Counting: every event of the meter is one unit, whatever it carries."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading


def count(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:  # noqa: ARG001 (an aggregation's signature)
    """How many events there are."""
    return Decimal(len(readings))
