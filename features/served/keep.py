"""Keeping a share of the vectors that answers were made of, so that they can be computed again at night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.ids import new_id
from features.catalog import views_named
from features.served.store import ServedStore
from features.served.vector import Served
from features.view import spec_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.session import Unit
    from features.served.vector import Number


def keep_served(unit: Unit, surface: str, customer_id: str, values: Mapping[str, Number], *, now: datetime) -> Served:
    """Keep what was served to a customer on a surface (`profile`, `decision`, `recommend`) as of now."""
    served = Served(
        id=new_id("srv"),
        customer_id=customer_id,
        surface=surface,
        as_of=now,
        served_at=now,
        spec_hash=spec_hash(views_named(values)),
        names=tuple(values),
        values=tuple(values.values()),
    )
    ServedStore(unit).add(served)
    return served
