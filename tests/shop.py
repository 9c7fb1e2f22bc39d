"""A small shop for tests: one meter, two features, three plans and an add-on, with prices that can be checked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.pricing.ratecard import meter_of
from billing.tenants.create import Opened, open_tenant
from billing.tenants.tenant import Mode

if TYPE_CHECKING:
    from billing.db.session import Database, Unit

START = datetime(2026, 1, 31, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant with its keys and scope."""

    database: Database
    opened: Opened

    @property
    def scope(self) -> Scope:
        """The scope of the shop's rows."""
        return Scope(self.opened.tenant.id)


def open_shop(database: Database, name: str = "Bean Street", *, customers: tuple[str, ...] = ("ann", "bob")) -> Shop:
    """A test-mode tenant at START with the catalogue published and some customers."""
    opened = open_tenant(
        database,
        name=name,
        currency="EUR",
        zone="UTC",
        mode=Mode.TEST,
        now=START,
        origins=["https://shop.example"],
    )
    shop = Shop(database, opened)
    with database.unit(shop.scope) as unit:
        CustomerStore(unit).ensure(customers, START)
        publish_catalogue(unit)
    return shop


def publish_catalogue(unit: Unit, now: datetime = START) -> None:
    """Starter 9, Plus 19 and Pro 49 EUR a month with deliveries metered, and a tasting box for 7.50."""
    store = CatalogStore(unit)
    store.put_meter(Meter(key="deliveries", name="Deliveries", event_type="delivery", aggregation=Aggregation.COUNT))
    store.put_feature(Feature(key="deliveries", name="Deliveries", kind=FeatureKind.LIMIT, meter_key="deliveries"))
    store.put_feature(Feature(key="early_access", name="Early access", kind=FeatureKind.BOOLEAN))
    store.put_feature(Feature(key="tastings", name="Tastings", kind=FeatureKind.BOOLEAN))
    for draft in (
        _plan("starter", 0, "9.00", [{"up_to": "2", "unit_price": "0"}, {"up_to": None, "unit_price": "1.50"}], 3, []),
        _plan(
            "plus",
            1,
            "19.00",
            [{"up_to": "10", "unit_price": "0"}, {"up_to": None, "unit_price": "1.00"}],
            30,
            ["early_access"],
        ),
        _plan("pro", 2, "49.00", [{"up_to": None, "unit_price": "0.25"}], None, ["early_access"]),
        Draft(
            key="tasting_box",
            name="Tasting box",
            kind=PlanKind.ADDON,
            rank=0,
            currency="EUR",
            interval="month",
            charges=[fee("Tasting box", "7.50")],
            grants=[Granted("tastings", value=True)],
            requires=["starter", "plus", "pro"],
        ),
    ):
        publish(unit, draft, read_charge=meter_of, now=now)


def fee(name: str, amount: str) -> dict[str, Any]:
    """A flat monthly charge document."""
    return {"key": "fee", "name": name, "price": {"model": "flat", "amount": amount}}


def _plan(  # noqa: PLR0917 (a table of plans reads best in columns)
    key: str, rank: int, amount: str, tiers: list[dict[str, Any]], limit: int | None, features: list[str]
) -> Draft:
    usage = {
        "key": "deliveries",
        "name": "Deliveries",
        "meter": "deliveries",
        "price": {"model": "graduated", "tiers": tiers},
    }
    return Draft(
        key=key,
        name=key.title(),
        kind=PlanKind.PLAN,
        rank=rank,
        currency="EUR",
        interval="month",
        charges=[fee(f"{key.title()} membership", amount), usage],
        grants=[Granted("deliveries", limit), *(Granted(feature, value=True) for feature in features)],
    )


def delivery(customer: str, event_id: str, at: datetime | None = None) -> dict[str, Any]:
    """A usage event document."""
    document: dict[str, Any] = {"id": event_id, "source": "shop", "type": "delivery", "customer": customer}
    if at is not None:
        document["time"] = at.isoformat()
    return document
