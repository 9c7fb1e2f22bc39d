"""Customers: making them, finding them, and what is known of each."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.cadence import zone_of
from billing.kernel.ids import new_id
from billing.kernel.page import page_size
from billing.tenants.profile.tax_id import checked_tax_id
from serving.api import documents
from serving.api.context import SecretContext
from serving.predict.customer_profile import profile_of

router = APIRouter(prefix="/v1/customers", tags=["customers"])


class AddressBody(BaseModel):
    """The lines of a billing address."""

    line1: str = Field(default="", max_length=200)
    line2: str = Field(default="", max_length=200)
    postal_code: str = Field(default="", max_length=20)
    city: str = Field(default="", max_length=100)


class CustomerBody(BaseModel):
    """A customer by the business's own key; `consents` lists the purposes they agreed to, such as marketing."""

    key: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=320)
    country: str = Field(default="", max_length=100)
    zone: str = Field(default="UTC", max_length=60)
    consents: list[str] = Field(default_factory=list, max_length=20)
    address: AddressBody = Field(default_factory=AddressBody)
    region: str = Field(default="", max_length=100)
    tax_id: str = Field(default="", max_length=40)
    is_business: bool = False


@router.post("", status_code=201)
def put_customer(body: CustomerBody, context: SecretContext) -> JSONResponse:
    """Add a customer, or replace what is known of the one with this key."""
    zone_of(body.zone)
    tax_id = checked_tax_id(body.tax_id, body.country)

    def work(unit: Any) -> dict[str, Any]:
        store = CustomerStore(unit)
        known = store.find(body.key)
        customer = Customer(
            id=known.id if known else new_id("cus"),
            key=body.key,
            created_at=known.created_at if known else context.now,
            name=body.name,
            email=body.email,
            country=body.country,
            zone=body.zone,
            consents=tuple(body.consents),
            address=body.address.model_dump(exclude_defaults=True),
            region=body.region,
            tax_id=tax_id,
            is_business=body.is_business,
        )
        if known is None:
            store.add(customer)
        else:
            store.update(customer)
        return documents.customer(customer)

    return context.write(work, body=body, status=201)


@router.get("")
def list_customers(
    context: SecretContext, limit: int | None = None, cursor: str | None = None, search: str = ""
) -> dict[str, Any]:
    """Customers in order of key; `search` keeps those whose key or name starts with it."""
    with context.view() as unit:
        found = CustomerStore(unit).page(limit=page_size(limit), cursor=cursor, prefix=search[:100])
    return documents.page([documents.customer(item) for item in found.items], found.next_cursor)


@router.get("/{key}")
def get_customer(key: str, context: SecretContext) -> dict[str, Any]:
    """One customer by key or id."""
    with context.view() as unit:
        return documents.customer(CustomerStore(unit).get(key))


@router.get("/{key}/profile")
def get_profile(key: str, context: SecretContext) -> dict[str, Any]:
    """Segments, churn risk and propensities of one customer, each with its model, rung and reasons."""
    with context.view() as unit:
        return profile_of(unit, CustomerStore(unit).get(key), now=context.now)
