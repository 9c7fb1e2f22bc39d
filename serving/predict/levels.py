"""How full the limits of customers are, each in the period its right is counted in: of one customer, or of many with few queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.item import FeatureKind
from billing.catalog.store import CatalogStore
from billing.entitlements.grant import effective
from billing.entitlements.store import GrantStore
from billing.metering.measured import PLAIN
from billing.metering.store import EventStore
from models.triggers.facts import LimitLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.db.session import Unit
    from billing.entitlements.grant import Grant
    from billing.kernel.period import Period


def levels_of(unit: Unit, customer_ids: Sequence[str], *, now: datetime) -> dict[str, tuple[LimitLevel, ...]]:
    """The limits of some customers by id, in order of feature; who has none is left out."""
    features = CatalogStore(unit).features()
    return levels_under(unit, features, GrantStore(unit).of_customers(sorted(customer_ids), now), now=now)


def levels_under(
    unit: Unit, features: Mapping[str, Feature], granted: Mapping[str, Iterable[Grant]], *, now: datetime
) -> dict[str, tuple[LimitLevel, ...]]:
    """The same where features and rights (by customer id) were read already."""
    counted = sorted((each for each in features.values() if each.kind is FeatureKind.LIMIT), key=lambda each: each.key)
    limits = {feature.key: _limits(feature, granted, now) for feature in counted}
    if not any(limits.values()):
        return {}
    found: dict[str, list[LimitLevel]] = {}
    meters = CatalogStore(unit).meters()
    for feature in counted:
        meter, mine = meters.get(feature.meter_key or ""), limits[feature.key]
        spans = {customer: period for customer, (_, period) in mine.items()}
        used = EventStore(unit).measure_many(meter, PLAIN, spans) if meter is not None else {}
        for customer, (limit, period) in mine.items():
            quantity = int(used[customer].quantity) if customer in used else 0
            found.setdefault(customer, []).append(_level(feature, quantity, limit, period))
    return {customer: tuple(levels) for customer, levels in found.items()}


def metered_types(unit: Unit) -> frozenset[str]:
    """The types of events that fill limits up."""
    catalog = CatalogStore(unit)
    meters = catalog.meters()
    keys = {feature.meter_key for feature in catalog.features().values() if feature.kind is FeatureKind.LIMIT}
    return frozenset(meters[key].event_type for key in keys if key in meters)


def _limits(feature: Feature, granted: Mapping[str, Iterable[Grant]], now: datetime) -> dict[str, tuple[int, Period]]:
    """The limit and period of each customer who has one on a feature."""
    found = {}
    for customer, grants in granted.items():
        right = effective([grant for grant in grants if grant.feature == feature.key], now)
        if right is not None and right.units is not None:
            found[customer] = (right.units, right.grants[0].cadence.period_at(now))
    return found


def _level(feature: Feature, used: int, limit: int, period: Period) -> LimitLevel:
    return LimitLevel(
        feature=feature.key, name=feature.name, used=used, limit=limit, starts_at=period.start, ends_at=period.end
    )
