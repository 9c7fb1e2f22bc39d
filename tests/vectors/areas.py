"""Which areas of the vectors the product answers, and how; and which it does not answer yet, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.vectors import changes, parts, periods, rating

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

OFFERED: Mapping[str, Mapping[str, Callable[[Case], Any]]] = {
    "per_unit": rating.ANSWERS,
    "graduated": rating.ANSWERS,
    "allocation": parts.ALLOCATION,
    "rounding": parts.ROUNDING,
    "anchor": periods.ANCHOR,
    "timezone": periods.TIMEZONE,
    "proration": changes.PRORATION,
    "plan_change": changes.PLAN_CHANGE,
}

NOT_YET: Mapping[str, int] = {
    "aggregation": 10,
    "commitment": 8,
    "coupon": 5,
    "credits": 6,
    "dunning": 1,
    "dynamic": 2,
    "entitlement": 5,
    "graduated_percentage": 7,
    "mrr": 2,
    "package": 9,
    "percentage": 6,
    "progressive": 3,
    "stairstep": 5,
    "tax": 6,
    "volume": 17,
}
