"""A tenant: one business whose data nobody else sees. A reseller may stand above clients; there is no third level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.cadence import zone_of
from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import exponent

if TYPE_CHECKING:
    from datetime import datetime


class TenantNotFoundError(NotFoundError):
    """No such tenant for the one who asks."""

    code = "tenant_not_found"


class TenantDepthError(ConflictError):
    """A client of a reseller cannot have clients of its own."""

    code = "tenant_depth"


class Mode(Enum):
    """Whether a tenant's time is the world's (live) or its own test clock (test)."""

    LIVE = "live"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A business, its default currency (ISO 4217) and zone (IANA); `frozen_at` is the test clock's time or None."""

    id: str
    name: str
    currency: str
    zone: str
    mode: Mode
    parent_id: str | None
    frozen_at: datetime | None
    created_at: datetime

    def __post_init__(self) -> None:
        exponent(self.currency)
        zone_of(self.zone)
        if not self.name.strip():
            raise InvalidError("a tenant has a name")

    def now(self, system_now: datetime) -> datetime:
        """What time it is for this tenant: its test clock's where it has one."""
        return self.frozen_at or system_now
