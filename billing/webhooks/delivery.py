"""A delivery: one fact on its way to one endpoint, and what became of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

TEST_KIND = "webhook.test"
DISABLED_KIND = "webhook_endpoint.disabled"


class DeliveryNotFoundError(NotFoundError):
    """The endpoint has no such delivery."""

    code = "webhook_delivery_not_found"


class DeliveryState(Enum):
    """Waiting deliveries of an endpoint are sent in order of position; the others are settled."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One fact for one endpoint. `attempts` counts requests that were begun; `excerpt` is the start of the last answer.

    `position` orders the deliveries of an endpoint; `next_attempt_at` is None once it is settled.
    """

    id: str
    endpoint_id: str
    event_id: str
    kind: str
    position: int
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    excerpt: str
    settled_at: datetime | None
    created_at: datetime
