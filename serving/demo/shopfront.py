"""The demonstration tenant: where it lives, its keys, and whether it is complete, so that a second `make demo` starts at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from billing.db.scope import Scope
from billing.tenants.create import open_tenant
from billing.tenants.keys import digest
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from serving.demo.catalog import publish_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from serving.wiring import Services


@dataclass(frozen=True, slots=True)
class Demo:
    """The demonstration tenant, its keys in the clear (the file is its owner's alone), and a customer worth looking at."""

    tenant_id: str
    secret_key: str
    publishable_key: str
    customer: str = ""
    source: str = ""

    @property
    def scope(self) -> Scope:
        """The scope of the demonstration's rows."""
        return Scope(self.tenant_id)


def path_of(home: Path) -> Path:
    """Where the demonstration's keys are kept."""
    return home / "demo.json"


def read(home: Path) -> Demo | None:
    """The finished demonstration of an installation, or None."""
    path = path_of(home)
    return Demo(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write(home: Path, demo: Demo) -> None:
    """Keep the demonstration's keys, readable by their owner alone; written last, so that its presence means complete."""
    staging = path_of(home).with_suffix(".tmp")
    staging.unlink(missing_ok=True)
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(asdict(demo), handle, indent=1)
    staging.replace(path_of(home))


def allow_origins(services: Services, demo: Demo, origins: Sequence[str]) -> None:
    """Let the publishable key be used from these pages too, such as those of another port."""
    with services.database.unit(demo.scope) as unit:
        TenantStore(unit).add_origins(digest(demo.publishable_key), origins)


def open_demo(
    services: Services, *, name: str, currency: str, opened_at: datetime, now: datetime, origins: Sequence[str]
) -> Demo:
    """A test-mode tenant whose clock stands at `now`, with its catalogue on sale since `opened_at`."""
    opened = open_tenant(
        services.database,
        name=name,
        currency=currency,
        zone="UTC",
        mode=Mode.TEST,
        now=opened_at,
        frozen_at=now,
        origins=origins,
    )
    with services.database.unit(Scope(opened.tenant.id)) as unit:
        publish_catalogue(unit, currency=currency, now=opened_at)
    return Demo(opened.tenant.id, opened.secret_key, opened.publishable_key)
