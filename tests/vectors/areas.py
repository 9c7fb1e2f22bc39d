"""Which areas of the vectors the product answers, and how; and which it does not answer yet, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.vectors import (
    aggregations,
    changes,
    credits,  # noqa: A004 (the area is called so)
    dunnings,
    dynamics,
    entitlements,
    mrr,
    packages,
    parts,
    percentages,
    periods,
    poststeps,
    rating,
    splits,
    stairsteps,
    volumes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

OFFERED: Mapping[str, Mapping[str, Callable[[Case], Any]]] = {
    "per_unit": rating.ANSWERS,
    "graduated": rating.ANSWERS,
    "package": packages.PACKAGE,
    "volume": volumes.VOLUME,
    "stairstep": stairsteps.STAIRSTEP,
    "percentage": percentages.PERCENTAGE,
    "graduated_percentage": percentages.GRADUATED_PERCENTAGE,
    "dynamic": dynamics.DYNAMIC,
    "allocation": parts.ALLOCATION,
    "rounding": parts.ROUNDING,
    "anchor": periods.ANCHOR,
    "timezone": periods.TIMEZONE,
    "proration": changes.PRORATION,
    "plan_change": changes.PLAN_CHANGE,
    "commitment": poststeps.COMMITMENT,
    "coupon": poststeps.COUPON,
    "tax": poststeps.TAX,
    "progressive": splits.PROGRESSIVE,
    "aggregation": aggregations.AGGREGATION,
    "entitlement": entitlements.ENTITLEMENT,
    "dunning": dunnings.ANSWERS,
    "credits": credits.CREDITS,
    "mrr": mrr.MRR,
}

NOT_YET: Mapping[str, int] = {}
