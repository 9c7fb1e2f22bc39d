"""Customers: making them, finding them, and what is known of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.country import country_code
from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.cadence import zone_of
from billing.kernel.email_address import checked_email
from billing.kernel.ids import new_id
from billing.kernel.page import page_size
from billing.subscriptions.rezone import rezone
from billing.tenants.profile.tax_id import checked_tax_id
from features.contact.consent import OPTED_OUT
from features.privacy.profiling import forget_profile
from models.triggers.registry import PERSONAL
from serving.api import documents
from serving.api.context import SecretContext
from serving.predict.customer_profile import profile_of
from serving.predict.served import keep_sample

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


class CustomerChange(BaseModel):
    """What changes of a customer; what is left out stays as it is."""

    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=320)
    country: str | None = Field(default=None, max_length=100)
    zone: str | None = Field(default=None, max_length=60)
    consents: list[str] | None = Field(default=None, max_length=20)
    address: AddressBody | None = None
    region: str | None = Field(default=None, max_length=100)
    tax_id: str | None = Field(default=None, max_length=40)
    is_business: bool | None = None


@router.post("", status_code=201)
def put_customer(body: CustomerBody, context: SecretContext) -> JSONResponse:
    """Add a customer, or replace what is known of the one with this key."""
    zone_of(body.zone)

    def work(unit: Unit) -> dict[str, Any]:
        known = CustomerStore(unit).find(body.key)
        fresh = Customer(id=new_id("cus"), key=body.key, created_at=context.now, zone=body.zone)
        given = body.model_dump(exclude={"key", "address"})
        return _stored(unit, known, known or fresh, {**given, "address": body.address}, context.now)

    return context.write(work, body=body, status=201)


@router.patch("/{key}")
def change_customer(key: str, body: CustomerChange, context: SecretContext) -> JSONResponse:
    """Change some of what is known of a customer. In a new zone the present period keeps its end; those after it follow the new clock."""
    given = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}

    def work(unit: Unit) -> dict[str, Any]:
        known = CustomerStore(unit).lock(key)
        return _stored(unit, known, known, given, context.now)

    return context.write(work, body=body)


def _stored(unit: Unit, known: Customer | None, base: Customer, given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The customer with what was given, its tax id checked by the rules of its country, and its subscription moved to its zone."""
    address = given.pop("address", None)
    if address is not None:
        given["address"] = address.model_dump(exclude_defaults=True)
    if "consents" in given:
        given["consents"] = tuple(given["consents"])
    if "email" in given:
        given["email"] = checked_email(given["email"])
    changed = replace(base, **given)
    changed = replace(changed, tax_id=checked_tax_id(changed.tax_id, country_code(changed.country)))
    store = CustomerStore(unit)
    if known is None:
        store.add(changed)
        return documents.customer(changed)
    store.update(changed)
    if OPTED_OUT in set(changed.consents) - set(known.consents):
        forget_profile(unit, changed.id, PERSONAL)
    if changed.zone != known.zone:
        rezone(unit, changed.key, changed.zone, now=now)
    return documents.customer(changed)


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
    now = context.now
    with context.view() as unit:
        customer = CustomerStore(unit).get(key)
        profile = profile_of(unit, customer, now=now)
    if profile["profiling"]:
        keep_sample(context.services, context.principal.scope, "profile", customer.id, profile["features"], now=now)
    return profile
