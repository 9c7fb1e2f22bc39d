"""What a customer did lately that an offer may answer: denied features, counted over a week, and limits that fill up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.item import FeatureKind
from billing.catalog.store import CatalogStore
from billing.entitlements.check import usage
from billing.entitlements.grant import effective
from billing.entitlements.store import GrantStore
from models.offers.context import LimitUse

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.counters import Counters
    from billing.db.session import Unit

DENIAL_WINDOW_SECONDS = 7 * 86_400


def note_denial(counters: Counters, tenant_id: str, customer_key: str, feature: str) -> None:
    """Remember that a feature was refused to a customer."""
    counters.add(_key(tenant_id, customer_key, feature), 1, DENIAL_WINDOW_SECONDS)


def denials_of(counters: Counters, tenant_id: str, customer_key: str, features: list[str]) -> dict[str, int]:
    """How often each feature was refused to a customer lately; features never refused are left out."""
    counts = counters.read([_key(tenant_id, customer_key, feature) for feature in features])
    return {feature: count for feature, count in zip(features, counts, strict=True) if count}


def locked_features(unit: Unit, customer_id: str, *, now: datetime) -> list[str]:
    """The features a customer has no right to now: a refusal of anything else is history."""
    grants = GrantStore(unit).of_customer(customer_id, now)
    held = {grant.feature for grant in grants if grant.value is not False}
    return [key for key in CatalogStore(unit).features() if key not in held]


def limits_of(unit: Unit, customer_id: str, *, now: datetime) -> tuple[LimitUse, ...]:
    """How close a customer is to each limit they have."""
    grants = GrantStore(unit).of_customer(customer_id, now)
    found = []
    for feature in CatalogStore(unit).features().values():
        right = effective([grant for grant in grants if grant.feature == feature.key], now)
        if feature.kind is not FeatureKind.LIMIT or right is None or right.units is None:
            continue
        period = right.grants[0].cadence.period_at(now)
        used = usage(unit, customer_id, feature, period)
        found.append(LimitUse(feature=feature.key, name=feature.name, used=int(used), limit=right.units))
    return tuple(found)


def _key(tenant_id: str, customer_key: str, feature: str) -> str:
    return f"denied:{{{tenant_id}}}:{customer_key}:{feature}"
