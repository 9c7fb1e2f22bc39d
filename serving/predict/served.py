"""Keeping a share of the features that answers used; an answer never waits for it to succeed, and never fails because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.errors import UptierError
from features.served.keep import keep_served
from features.served.vector import is_kept
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.scope import Scope
    from serving.wiring import Services


def keep_sample(
    services: Services,
    scope: Scope,
    surface: str,
    customer_id: str,
    values: Mapping[str, int | float],
    *,
    now: datetime,
) -> None:
    """Keep the features that a surface (`profile`, `decision`, `recommend`) used as of now, if this answer is one of the share."""
    if not is_kept(customer_id, now, services.settings.served_share_ppm):
        return
    try:
        with services.database.unit(scope) as unit:
            keep_served(unit, surface, customer_id, values, now=now)
    except UptierError:
        FALLBACKS.labels("served_features").inc()
