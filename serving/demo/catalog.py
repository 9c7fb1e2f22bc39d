"""What the demonstration shop sells by plan: three memberships and an add-on around deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.pricing.ratecard import meter_of

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

_FEATURES = (
    Feature(key="deliveries", name="Deliveries", kind=FeatureKind.LIMIT, meter_key="deliveries"),
    Feature(key="early_access", name="Early access", kind=FeatureKind.BOOLEAN),
    Feature(key="wholesale_prices", name="Wholesale prices", kind=FeatureKind.BOOLEAN),
    Feature(key="tastings", name="Tastings", kind=FeatureKind.BOOLEAN),
)


def publish_catalogue(unit: Unit, *, currency: str, now: datetime) -> None:
    """Publish the meter, the features, three plans and the add-on."""
    store = CatalogStore(unit)
    for key, name in (("deliveries", "Deliveries"), ("visits", "Visits")):
        store.put_meter(Meter(key=key, name=name, event_type=key, aggregation=Aggregation.COUNT))
    for feature in _FEATURES:
        store.put_feature(feature)
    for draft in _drafts(currency):
        publish(unit, draft, read_charge=meter_of, now=now)


def _drafts(currency: str) -> tuple[Draft, ...]:
    return (
        _plan("starter", "Starter", 0, currency, [_fee("Starter membership", "9.00"), _deliveries("4", "2.50")], 8, ()),
        _plan(
            "plus",
            "Plus",
            1,
            currency,
            [_fee("Plus membership", "19.00"), _deliveries("12", "1.50")],
            25,
            ("early_access",),
        ),
        _plan(
            "pro",
            "Pro",
            2,
            currency,
            [_fee("Pro membership", "49.00"), _per_delivery("0.75")],
            None,
            ("early_access", "wholesale_prices"),
        ),
        Draft(
            key="tasting_box",
            name="Tasting box",
            kind=PlanKind.ADDON,
            rank=0,
            currency=currency,
            interval="month",
            charges=[_fee("Tasting box", "7.50")],
            grants=[Granted("tastings", value=True)],
            requires=["starter", "plus", "pro"],
        ),
    )


def _plan(  # noqa: PLR0917 (a table of plans reads best in columns)
    key: str,
    name: str,
    rank: int,
    currency: str,
    charges: list[dict[str, Any]],
    deliveries: int | None,
    features: tuple[str, ...],
) -> Draft:
    return Draft(
        key=key,
        name=name,
        kind=PlanKind.PLAN,
        rank=rank,
        currency=currency,
        interval="month",
        charges=charges,
        grants=[Granted("deliveries", deliveries), *(Granted(feature, value=True) for feature in features)],
    )


def _fee(name: str, amount: str) -> dict[str, Any]:
    return {"key": "membership", "name": name, "price": {"model": "flat", "amount": amount}}


def _deliveries(free: str, price: str) -> dict[str, Any]:
    tiers = [{"up_to": free, "unit_price": "0"}, {"up_to": None, "unit_price": price}]
    return {
        "key": "deliveries",
        "name": f"Deliveries ({free} included)",
        "meter": "deliveries",
        "price": {"model": "graduated", "tiers": tiers},
    }


def _per_delivery(price: str) -> dict[str, Any]:
    return {
        "key": "deliveries",
        "name": "Deliveries",
        "meter": "deliveries",
        "price": {"model": "per_unit", "unit_price": price},
    }
