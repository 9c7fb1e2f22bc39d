"""Whether a page may show the demonstration tenant: only to this machine's own user, and only once `uptier demo` has prepared one.

The pages show a tenant without a log-in, so three things must hold: the caller's address is loopback, the address it typed is loopback
too (a foreign page that rebinds its name to 127.0.0.1 still sends its own), and nothing was forwarded by a proxy. A log-in for operators
is later work; until then a live tenant has the API and no page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from billing.db.scope import Scope
from billing.kernel.errors import Kind, UptierError
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Tenant, TenantNotFoundError
from serving.wiring import Services

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from billing.db.session import Unit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "testclient"})
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1", "testserver"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
DEMO_FILE = "demo.json"


class NotLocalError(UptierError):
    """The demonstration pages answer this machine only."""

    code = "demo_is_local"
    kind = Kind.FORBIDDEN


class NoDemoError(UptierError):
    """No demonstration shop has been prepared here."""

    code = "no_demo"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Demo:
    """The tenant that the pages show, its publishable key, the key of a customer worth looking at, and the services to read it by."""

    services: Services
    tenant: Tenant
    publishable_key: str
    customer: str = ""

    @property
    def scope(self) -> Scope:
        """The scope of everything the pages may read."""
        return Scope(self.tenant.id)

    @property
    def now(self) -> datetime:
        """What time it is for this tenant."""
        return self.tenant.now(self.services.clock.now())

    def view(self) -> AbstractContextManager[Unit]:
        """A read-only transaction in the tenant's scope."""
        return self.services.database.view(self.scope)


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine, was typed as such, and came straight here."""
    client = request.client.host if request.client else ""
    forwarded = any(name in request.headers for name in _FORWARDED)
    return client in _LOOPBACK and (request.url.hostname or "") in _LOCAL_NAMES and not forwarded


def read_demo(home: Path) -> dict[str, Any] | None:
    """What `uptier demo` wrote, or None where it has not run or wrote something else."""
    try:
        found = json.loads((home / DEMO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(found, dict) and {"tenant_id", "publishable_key"} <= found.keys()
    return found if complete else None


def _demo(request: Request) -> Demo:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 (set by the app factory)
    if not is_local(request):
        raise NotLocalError("these pages have no log-in yet, so they open only on the machine that serves them")
    found = read_demo(services.settings.home)
    if found is None:
        raise NoDemoError("there is no demonstration shop here yet; run 'make demo' to get one")
    with services.database.view(Scope(found["tenant_id"])) as unit:
        tenant = TenantStore(unit).find(found["tenant_id"])
    if tenant is None:
        raise TenantNotFoundError("the demonstration shop is gone; run 'make demo' to get a new one")
    return Demo(services, tenant, found["publishable_key"], str(found.get("customer", "")))


DemoShop = Annotated[Demo, Depends(_demo)]
"""The demonstration tenant, for a request that may see it."""
