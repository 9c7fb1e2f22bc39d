"""Tenants and their keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from billing.kernel.errors import NotFoundError
from billing.tenants.create import add_key, open_tenant
from billing.tenants.keys import KeyKind
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode, TenantNotFoundError
from serving.api import documents
from serving.api.context import SecretContext
from serving.tokens import signing_secret

router = APIRouter(prefix="/v1", tags=["tenants"])
Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")]


class NewTenant(BaseModel):
    """A client of a reseller."""

    name: str = Field(min_length=1, max_length=200)
    currency: str = Field(min_length=3, max_length=3)
    zone: str = Field(default="UTC", max_length=60)
    mode: Mode = Mode.LIVE
    origins: list[Origin] = Field(default_factory=list, max_length=20)


class NewKey(BaseModel):
    """A further key; `origins` binds a publishable one to its pages."""

    kind: KeyKind
    origins: list[Origin] = Field(default_factory=list, max_length=20)


@router.get("/tenants")
def list_tenants(context: SecretContext) -> dict[str, Any]:
    """The tenant itself and its clients."""
    with context.view() as unit:
        return documents.page([documents.tenant(tenant) for tenant in TenantStore(unit).all()], None)


@router.get("/tenants/{tenant_id}")
def get_tenant(tenant_id: str, context: SecretContext) -> dict[str, Any]:
    """One tenant that this key may know of."""
    with context.view() as unit:
        found = TenantStore(unit).find(tenant_id)
    if found is None:
        raise TenantNotFoundError("there is no such tenant", tenant=tenant_id[:60])
    return documents.tenant(found)


@router.post("/tenants", status_code=201)
def create_tenant(body: NewTenant, context: SecretContext) -> dict[str, Any]:
    """A new client below this tenant; its keys are in the answer, this once."""
    opened = open_tenant(
        context.services.database,
        name=body.name,
        currency=body.currency,
        zone=body.zone,
        mode=body.mode,
        now=context.services.clock.now(),
        parent=context.principal.scope,
        origins=body.origins,
    )
    keys = {"secret_key": opened.secret_key, "publishable_key": opened.publishable_key}
    return {**documents.tenant(opened.tenant), **keys}


@router.get("/api-keys")
def list_keys(context: SecretContext) -> dict[str, Any]:
    """The tenant's keys; their secrets are not kept."""
    with context.view() as unit:
        keys = TenantStore(unit).keys()
    items = [
        {
            "id": key.id,
            "kind": key.kind.value,
            "hint": key.hint,
            "origins": list(key.origins),
            "created_at": documents.instant(key.created_at),
            "revoked_at": documents.instant(key.revoked_at),
        }
        for key in keys
    ]
    return documents.page(items, None)


@router.post("/api-keys", status_code=201)
def create_key(body: NewKey, context: SecretContext) -> dict[str, Any]:
    """A further key; its secret is in the answer, this once."""
    with context.unit() as unit:
        secret = add_key(unit, body.kind, now=context.services.clock.now(), origins=body.origins)
    return {"kind": body.kind.value, "key": secret, "origins": body.origins}


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_key(key_id: str, context: SecretContext) -> None:
    """Make a key useless from now on."""
    with context.unit() as unit:
        if not TenantStore(unit).revoke_key(key_id, context.services.clock.now()):
            raise NotFoundError("there is no such key", key=key_id[:60])


@router.get("/signing-secret")
def get_signing_secret(context: SecretContext) -> dict[str, str]:
    """The secret to sign customer tokens with (HS256, `sub` the customer's key, `aud` uptier, at most an hour)."""
    return {"signing_secret": signing_secret(context.services.secret, context.tenant_id), "algorithm": "HS256"}
