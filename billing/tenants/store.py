"""The queries over tenants and keys.

Tenants are the one table without a tenant column, so the rule of who sees which is written here: the platform sees the list, a tenant
sees itself and its clients. PostgreSQL holds the same rule as a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from billing.db.changes import changed
from billing.db.scope import PLATFORM_SCOPE
from billing.tenants.keys import ApiKey, KeyKind
from billing.tenants.tables import ApiKeyRow, TenantsRow
from billing.tenants.tenant import Mode, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class TenantStore:
    """Reads and writes the tenants that a scope may know of, and the keys of the scope's own tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session
        self._scope = unit.scope

    def _visible(self) -> Select[TenantsRow]:
        query = select(TenantsRow)
        if self._scope == PLATFORM_SCOPE:
            return query
        own = self._scope.tenant_id
        return query.where(or_(TenantsRow.id == own, TenantsRow.parent_id == own))

    def add(self, tenant: Tenant) -> None:
        """A new tenant."""
        self._session.add(
            TenantsRow(
                id=tenant.id,
                parent_id=tenant.parent_id,
                name=tenant.name,
                currency=tenant.currency,
                zone=tenant.zone,
                mode=tenant.mode.value,
                frozen_at=tenant.frozen_at,
                created_at=tenant.created_at,
            )
        )
        self._session.flush()

    def find(self, tenant_id: str) -> Tenant | None:
        """One tenant, if this scope may know of it."""
        row = self._session.scalar(self._visible().where(TenantsRow.id == tenant_id))
        return None if row is None else _tenant(row)

    def all(self) -> list[Tenant]:
        """Every tenant this scope may know of, oldest first."""
        return [_tenant(row) for row in self._session.scalars(self._visible().order_by(TenantsRow.id))]

    def set_clock(self, tenant_id: str, frozen_at: datetime) -> datetime | None:
        """Move a test tenant's clock forward; the answer is where it stands, which is later if somebody else moved it further."""
        row = self._session.scalar(self._visible().where(TenantsRow.id == tenant_id).with_for_update())
        if row is None:
            return None
        row.frozen_at = max(frozen_at, row.frozen_at or frozen_at)
        changed(self._session)
        self._session.flush()
        return row.frozen_at

    def add_key(self, key: ApiKey) -> None:
        """A new key of the scope's own tenant."""
        self._session.add(
            ApiKeyRow(
                id=key.id,
                kind=key.kind.value,
                digest=key.digest,
                hint=key.hint,
                origins=list(key.origins),
                created_at=key.created_at,
                revoked_at=key.revoked_at,
            )
        )
        self._session.flush()

    def key_by_digest(self, digest: str) -> ApiKey | None:
        """The key with this hash."""
        row = self._session.scalar(select(ApiKeyRow).where(ApiKeyRow.digest == digest))
        return None if row is None else _key(row)

    def keys(self) -> list[ApiKey]:
        """All keys of the scope's own tenant, oldest first."""
        return [_key(row) for row in self._session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.id))]

    def add_origins(self, digest: str, origins: Iterable[str]) -> None:
        """Let a publishable key be used from further pages."""
        row = self._session.scalar(select(ApiKeyRow).where(ApiKeyRow.digest == digest))
        if row is not None:
            row.origins = list(dict.fromkeys([*row.origins, *origins]))
            changed(self._session)
            self._session.flush()

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Make a key useless from now on; says whether there was one."""
        row = self._session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == key_id))
        if row is None:
            return False
        row.revoked_at = row.revoked_at or at
        changed(self._session)
        self._session.flush()
        return True


def _tenant(row: TenantsRow) -> Tenant:
    return Tenant(
        id=row.id,
        name=row.name,
        currency=row.currency,
        zone=row.zone,
        mode=Mode(row.mode),
        parent_id=row.parent_id,
        frozen_at=row.frozen_at,
        created_at=row.created_at,
    )


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        kind=KeyKind(row.kind),
        digest=row.digest,
        hint=row.hint,
        origins=tuple(row.origins),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
