"""What is sold: plans and add-ons by version, features, meters, and the shop's products."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from billing.catalog.feature_terms import Failure, Overflow, parse_feature_terms
from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter, Product
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.products.store import ProductStore
from billing.catalog.publish import Draft, publish
from billing.catalog.setting import given, setting
from billing.catalog.store import CatalogStore
from billing.kernel.money import Money
from billing.kernel.page import page_size
from billing.pricing.ratecard import meter_of
from serving.api import documents
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1", tags=["catalogue"])
Name = Annotated[str, Field(min_length=1, max_length=200)]
Value = Annotated[str, Field(max_length=1000)]
KEY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"


class NewPlan(BaseModel):
    """The next version of a plan or add-on; publishing freezes it."""

    key: str = Field(pattern=KEY_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    rank: int = Field(default=0, ge=0, le=1000)
    currency: str = Field(min_length=3, max_length=3)
    interval: str = "month"
    interval_count: int = Field(default=1, ge=1, le=120)
    charges: list[dict[str, Any]] = Field(default_factory=list, max_length=100)
    grants: dict[str, Any] = Field(default_factory=dict, max_length=500)
    requires: list[str] = Field(default_factory=list, max_length=50)
    terms: dict[str, Any] = Field(default_factory=dict)


class FeatureTerms(BaseModel):
    """What happens beyond a limit (`hard`, `grace` units more, `soft`), and what is answered when nothing can be read."""

    model_config = ConfigDict(extra="forbid")

    overflow: Overflow = Overflow.HARD
    grace: str = Field(default="0", pattern=r"^[0-9]{1,15}(\.[0-9]{1,12})?$")
    on_failure: Failure = Failure.CLOSED


class NewFeature(BaseModel):
    """A feature: had or not, a limit of units of its meter, or a configuration, whose `default` goes to who was given none."""

    key: str = Field(pattern=KEY_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    kind: FeatureKind
    meter: str | None = None
    terms: FeatureTerms = Field(default_factory=FeatureTerms)
    default: Any = None


class NewMeter(BaseModel):
    """A meter; all but `count` name the property they read. An event counts when every property of `filters` has one of its values."""

    key: str = Field(pattern=KEY_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    event_type: str = Field(min_length=1, max_length=200)
    aggregation: Aggregation = Aggregation.COUNT
    property: str | None = Field(default=None, max_length=200)
    filters: dict[Name, Annotated[list[Value], Field(min_length=1, max_length=100)]] = Field(
        default_factory=dict, max_length=10
    )
    groups: list[Name] = Field(default_factory=list, max_length=10)
    operation: Name | None = None


class MoneyBody(BaseModel):
    """An amount in major units as text, and its currency."""

    amount: str = Field(max_length=40)
    currency: str = Field(min_length=3, max_length=3)

    def value(self) -> Money:
        """The amount itself."""
        return Money.of(self.amount, self.currency)


class NewProduct(BaseModel):
    """A product of the shop; `buyable: false` keeps it out of every recommendation."""

    key: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=500)
    category: str = Field(default="", max_length=200)
    price: MoneyBody
    cost: MoneyBody | None = None
    buyable: bool = True


def _publish(body: NewPlan, kind: PlanKind, context: SecretContext) -> JSONResponse:
    draft = Draft(
        key=body.key,
        name=body.name,
        kind=kind,
        rank=body.rank,
        currency=body.currency,
        interval=body.interval,
        interval_count=body.interval_count,
        charges=body.charges,
        grants=[Granted(feature, given(value)) for feature, value in body.grants.items()],
        requires=body.requires,
        terms=body.terms,
    )
    return context.write(
        lambda unit: documents.plan(publish(unit, draft, read_charge=meter_of, now=context.now)), body=body, status=201
    )


def _current(context: SecretContext, kind: PlanKind) -> dict[str, Any]:
    with context.view() as unit:
        versions = CatalogStore(unit).current().values()
    return documents.page([documents.plan(version) for version in versions if version.kind is kind], None)


@router.get("/plans")
def list_plans(context: SecretContext) -> dict[str, Any]:
    """The newest version of every plan, lowest rank first."""
    return _current(context, PlanKind.PLAN)


@router.post("/plans", status_code=201)
def publish_plan(body: NewPlan, context: SecretContext) -> JSONResponse:
    """Publish the next version of a plan; running subscriptions keep the one they bought."""
    return _publish(body, PlanKind.PLAN, context)


@router.get("/addons")
def list_addons(context: SecretContext) -> dict[str, Any]:
    """The newest version of every add-on."""
    return _current(context, PlanKind.ADDON)


@router.post("/addons", status_code=201)
def publish_addon(body: NewPlan, context: SecretContext) -> JSONResponse:
    """Publish the next version of an add-on."""
    return _publish(body, PlanKind.ADDON, context)


@router.get("/plans/{key}/versions")
def list_versions(key: str, context: SecretContext) -> dict[str, Any]:
    """Every version of a plan or add-on, oldest first."""
    with context.view() as unit:
        CatalogStore(unit).latest(key)
        return documents.page([documents.plan(version) for version in CatalogStore(unit).versions(key)], None)


@router.get("/features")
def list_features(context: SecretContext) -> dict[str, Any]:
    """All features."""
    with context.view() as unit:
        return documents.page([documents.feature(item) for item in CatalogStore(unit).features().values()], None)


@router.post("/features", status_code=201)
def put_feature(body: NewFeature, context: SecretContext) -> JSONResponse:
    """Add a feature, or replace the one of its key."""
    value = Feature(
        key=body.key,
        name=body.name,
        kind=body.kind,
        meter_key=body.meter,
        terms=parse_feature_terms(body.terms.model_dump(mode="json")),
        default=None if body.default is None else setting(body.default),
    )

    def work(unit: Any) -> dict[str, Any]:
        if value.meter_key is not None:
            CatalogStore(unit).meter(value.meter_key)
        CatalogStore(unit).put_feature(value)
        return documents.feature(value)

    return context.write(work, body=body, status=201)


@router.get("/meters")
def list_meters(context: SecretContext) -> dict[str, Any]:
    """All meters."""
    with context.view() as unit:
        return documents.page([documents.meter(item) for item in CatalogStore(unit).meters().values()], None)


@router.post("/meters", status_code=201)
def put_meter(body: NewMeter, context: SecretContext) -> JSONResponse:
    """Add a meter, or replace the one of its key."""
    value = Meter(
        key=body.key,
        name=body.name,
        event_type=body.event_type,
        aggregation=body.aggregation,
        prop=body.property,
        filters={name: tuple(values) for name, values in body.filters.items()},
        groups=tuple(body.groups),
        operation=body.operation,
    )

    def work(unit: Any) -> dict[str, Any]:
        CatalogStore(unit).put_meter(value)
        return documents.meter(value)

    return context.write(work, body=body, status=201)


@router.get("/products")
def list_products(context: SecretContext, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """The shop's products in order of key."""
    with context.view() as unit:
        found = ProductStore(unit).page(limit=page_size(limit), cursor=cursor)
    return documents.page([documents.product(item) for item in found.items], found.next_cursor)


@router.post("/products", status_code=201)
def put_products(body: Annotated[list[NewProduct], Field(max_length=5000)], context: SecretContext) -> JSONResponse:
    """Add products, or replace those of the same keys; at most 5,000 a call."""
    products = [
        Product(
            key=item.key,
            name=item.name,
            category=item.category,
            price=item.price.value(),
            cost=None if item.cost is None else item.cost.value(),
            buyable=item.buyable,
            added_at=context.now,
        )
        for item in body
    ]

    def work(unit: Any) -> dict[str, Any]:
        ProductStore(unit).put(products)
        return {"stored": len(products)}

    return context.write(work, body=body, status=201)
