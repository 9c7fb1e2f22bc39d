"""Answers to the cases of entitlement: the case's quotas become grants, and the gate decides; what a source calls a quota is soft."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Feature, FeatureKind
from billing.entitlements.compiled import decide
from billing.entitlements.grant import Grant, effective
from billing.kernel.cadence import Cadence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.entitlements.access import Access
    from tests.vectors.case import Case

_NOW = datetime(2026, 1, 31, tzinfo=UTC)
_QUOTAS = ("grant", "quota", "plan_quota", "addon_quota")


def _grant(name: str, value: bool | int, ends_at: datetime | None) -> Grant:  # noqa: FBT001 (a right's value)
    return Grant(
        id=name,
        customer_id="cus_1",
        feature="it",
        value=value,
        source_kind="plan",
        source_key="plus",
        subscription_id="sub_1",
        cadence=Cadence(_NOW),
        starts_at=_NOW - timedelta(days=30),
        ends_at=ends_at,
    )


def _access(case: Case) -> Access:
    quotas = {name: int(case.given[name]) for name in _QUOTAS if name in case.given}
    ends_at = _NOW if case.given.get("now") == "equals end (exclusive)" else None
    values: Mapping[str, bool | int] = quotas or {"switch": case.given.get("active", True)}
    right = effective([_grant(name, value, ends_at) for name, value in values.items()], _NOW)
    return decide(
        Feature(key="it", name="It", kind=FeatureKind.LIMIT if quotas else FeatureKind.BOOLEAN, meter_key="it"),
        right,
        customer="ann",
        has_subscription=True,
        used=Decimal(case.given.get("usage", 0)),
        quantity=Decimal(0),
        resets_at=None,
        now=_NOW,
        is_soft=bool(case.given.get("soft_limit")) or "quota" in case.given,
    )


ENTITLEMENT: Mapping[str, Callable[[Case], Any]] = {
    "has_access": lambda case: _access(case).allowed,
    "balance": lambda case: _access(case).remaining,
    "overage": lambda case: _access(case).overage,
    "status": lambda case: "exhausted" if _access(case).is_exhausted else "active",
    "usage_ratio": lambda case: _access(case).usage_ratio,
    "blocked": lambda case: not _access(case).allowed,
    "quota": lambda case: _access(case).limit,
    "remaining": lambda case: _access(case).remaining,
}
