"""Opening a tenant: the business itself and its first two keys, one secret and one for browsers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.kernel.ids import new_id
from billing.tenants.keys import ApiKey, KeyKind, mint
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode, Tenant, TenantDepthError, TenantNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Database, Unit


@dataclass(frozen=True, slots=True)
class Opened:
    """A new tenant with its keys in the clear: the only time they are."""

    tenant: Tenant
    secret_key: str
    publishable_key: str


def open_tenant(
    database: Database,
    *,
    name: str,
    currency: str,
    zone: str,
    mode: Mode,
    now: datetime,
    parent: Scope = PLATFORM_SCOPE,
    origins: Sequence[str] = (),
    frozen_at: datetime | None = None,
) -> Opened:
    """A new tenant, made by the platform or, as a client, by a reseller (`parent`)."""
    parent_id = None if parent == PLATFORM_SCOPE else parent.tenant_id
    tenant = Tenant(
        id=new_id("ten"),
        name=name,
        currency=currency,
        zone=zone,
        mode=mode,
        parent_id=parent_id,
        frozen_at=(frozen_at or now) if mode is Mode.TEST else None,
        created_at=now,
    )
    with database.unit(parent) as unit:
        if parent_id is not None:
            _check_depth(TenantStore(unit), parent_id)
        TenantStore(unit).add(tenant)
    with database.unit(Scope(tenant.id)) as unit:
        secret = add_key(unit, KeyKind.SECRET, now=now)
        publishable = add_key(unit, KeyKind.PUBLISHABLE, now=now, origins=origins)
    return Opened(tenant, secret, publishable)


def add_key(unit: Unit, kind: KeyKind, *, now: datetime, origins: Sequence[str] = ()) -> str:
    """A further key for the unit's tenant; the answer is its secret, shown this once."""
    minted = mint(kind, unit.scope.tenant_id)
    TenantStore(unit).add_key(
        ApiKey(
            id=new_id("key"),
            kind=kind,
            digest=minted.digest,
            hint=minted.hint,
            origins=tuple(origins),
            created_at=now,
            revoked_at=None,
        )
    )
    return minted.secret


def _check_depth(store: TenantStore, parent_id: str) -> None:
    parent = store.find(parent_id)
    if parent is None:
        raise TenantNotFoundError("the reseller does not exist", tenant=parent_id)
    if parent.parent_id is not None:
        raise TenantDepthError("a reseller's client cannot have clients of its own", tenant=parent_id)
