"""What commands share: the settings, the services, and the tenant a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.tenants.tenant import Tenant
    from serving.settings import Settings
    from serving.wiring import Services

TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", envvar="UPTIER_TENANT", help="Tenant id; may be left out where there is only one."),
]


def settings() -> Settings:
    """The settings of this environment."""
    from serving.settings import Settings

    return Settings()


def services() -> Services:
    """Everything wired, over a database that is up to date."""
    from billing.db.migrate import require_head
    from serving.wiring import build

    found = settings()
    if found.resolved_database_url.startswith("sqlite"):
        found.home.mkdir(parents=True, exist_ok=True)
    require_head(found.resolved_database_url)
    return build(found)


def tenant_of(wired: Services, asked: str | None) -> Tenant:
    """The tenant that was named, or the only one there is."""
    from billing.db.scope import PLATFORM_SCOPE
    from billing.tenants.store import TenantStore

    with wired.database.view(PLATFORM_SCOPE) as unit:
        known = TenantStore(unit).all()
    if asked is not None:
        found = next((tenant for tenant in known if tenant.id == asked), None)
        if found is None:
            raise InvalidError(f"there is no tenant {asked!r}; 'uptier tenants list' names them")
        return found
    if len(known) != 1:
        names = ", ".join(tenant.id for tenant in known[:5]) or "none yet; 'uptier tenants create' makes one"
        raise InvalidError(f"say which tenant with --tenant; there are: {names}")
    return known[0]


def scope_and_now(wired: Services, asked: str | None) -> tuple[Scope, Tenant, datetime]:
    """The scope of a tenant and what time it is there."""
    from billing.db.scope import Scope

    tenant = tenant_of(wired, asked)
    return Scope(tenant.id), tenant, tenant.now(wired.clock.now())
