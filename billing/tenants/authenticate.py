"""From a presented key to the tenant it speaks for. Every failure looks the same from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.db.scope import Scope
from billing.tenants.keys import ApiKey, BadKeyError, KeyKind, digest, matches, tenant_of
from billing.tenants.store import TenantStore

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.tenants.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: the tenant, and the key that proved it."""

    tenant: Tenant
    key: ApiKey

    @property
    def scope(self) -> Scope:
        """The scope of everything this principal may touch."""
        return Scope(self.tenant.id)

    @property
    def is_secret(self) -> bool:
        """Whether the business's own service is asking, rather than a browser."""
        return self.key.kind is KeyKind.SECRET


def authenticate(database: Database, presented: str) -> Principal:
    """The principal behind a key, or the one error that tells nothing more."""
    tenant_id, kind = tenant_of(presented)
    with database.view(Scope(tenant_id)) as unit:
        store = TenantStore(unit)
        key = store.key_by_digest(digest(presented))
        tenant = store.find(tenant_id)
    if key is None or tenant is None or key.kind is not kind or not matches(key, presented):
        raise BadKeyError("the key is not known; check that it is complete and not revoked")
    return Principal(tenant, key)
