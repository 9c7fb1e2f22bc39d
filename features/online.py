"""The features of one customer now, by the same declarations that training reads, folded over that customer's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.catalog import VIEWS
from features.fold_engine import compute_one
from features.sources import microseconds, rows_of_customer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.view import View


def features_of(
    unit: Unit, customer_id: str, *, now: datetime, views: Sequence[View] = VIEWS
) -> dict[str, int | float]:
    """Every declared feature of one customer as of now."""
    return compute_one(views, rows_of_customer(unit, customer_id, now), customer_id, microseconds(now))
