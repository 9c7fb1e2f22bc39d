"""The seller's profile and the tenant's own tax rules."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.catalog.taxes.rule import TaxRule
from billing.catalog.taxes.store import TaxRuleStore
from billing.customers.country import country_code
from billing.kernel.clock import utc
from billing.kernel.money import format_quantity, parse_decimal
from billing.tenants.profile.seller import SellerProfile
from billing.tenants.profile.store import ProfileStore
from serving.api import documents
from serving.api.context import SecretContext

if TYPE_CHECKING:
    from billing.db.session import Unit

router = APIRouter(prefix="/v1", tags=["taxes"])


class ProfileBody(BaseModel):
    """Who sells; `taxes` switches taxes on, `exempt` is the small-business exemption, `oss` the EU One Stop Shop."""

    legal_name: str = Field(default="", max_length=200)
    line1: str = Field(default="", max_length=200)
    line2: str = Field(default="", max_length=200)
    postal_code: str = Field(default="", max_length=20)
    city: str = Field(default="", max_length=100)
    region: str = Field(default="", max_length=100)
    country: str = Field(default="", max_length=2)
    vat_id: str = Field(default="", max_length=40)
    registration: str = Field(default="", max_length=100)
    email: str = Field(default="", max_length=320)
    iban: str = Field(default="", max_length=42)
    bic: str = Field(default="", max_length=11)
    invoice_prefix: str = Field(default="", max_length=20)
    payment_terms_days: int = 14
    language: str = Field(default="en", max_length=10)
    taxes: bool = False
    exempt: bool = False
    oss: bool = False


class NewTaxRule(BaseModel):
    """A rate in percent of the net, as text, from `valid_from` until before `valid_to`."""

    country: str = Field(min_length=2, max_length=2)
    region: str | None = Field(default=None, min_length=1, max_length=100)
    tax_class: str = Field(default="standard", min_length=1, max_length=100)
    rate_key: str = Field(min_length=1, max_length=100)
    percent: str = Field(max_length=20)
    valid_from: datetime
    valid_to: datetime | None = None


@router.get("/profile")
def show_profile(context: SecretContext) -> dict[str, Any]:
    """The seller's profile."""
    with context.view() as unit:
        return asdict(ProfileStore(unit).get())


@router.put("/profile")
def put_profile(body: ProfileBody, context: SecretContext) -> JSONResponse:
    """Replace the seller's profile."""
    profile = SellerProfile(**{**body.model_dump(), "country": country_code(body.country) or body.country})

    def work(unit: Unit) -> dict[str, Any]:
        return asdict(ProfileStore(unit).put(profile, context.now))

    return context.write(work, body=body)


@router.get("/tax-rules")
def list_tax_rules(context: SecretContext) -> dict[str, Any]:
    """The tenant's own rules; the standard table serves where none of them holds."""
    with context.view() as unit:
        return documents.page([_rule(rule) for rule in TaxRuleStore(unit).own()], None)


@router.post("/tax-rules", status_code=201)
def add_tax_rule(body: NewTaxRule, context: SecretContext) -> JSONResponse:
    """Add a rule; from then on it stands before the standard table. No two hold for the same class at the same place and time."""
    rule = TaxRule(
        country=country_code(body.country) or body.country,
        region=body.region,
        tax_class=body.tax_class,
        rate_key=body.rate_key,
        percent=parse_decimal(body.percent),
        valid_from=utc(body.valid_from),
        valid_to=None if body.valid_to is None else utc(body.valid_to),
    )

    def work(unit: Unit) -> dict[str, Any]:
        return {**_rule(rule), "id": TaxRuleStore(unit).add(rule)}

    return context.write(work, body=body, status=201)


@router.delete("/tax-rules/{rule_id}", status_code=200)
def remove_tax_rule(rule_id: str, context: SecretContext) -> JSONResponse:
    """Take a rule away."""

    def work(unit: Unit) -> dict[str, Any]:
        TaxRuleStore(unit).remove(rule_id)
        return {"id": rule_id, "removed": True}

    return context.write(work)


def _rule(rule: TaxRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "country": rule.country,
        "region": rule.region,
        "tax_class": rule.tax_class,
        "rate_key": rule.rate_key,
        "percent": format_quantity(rule.percent),
        "valid_from": documents.instant(rule.valid_from),
        "valid_to": documents.instant(rule.valid_to),
    }
