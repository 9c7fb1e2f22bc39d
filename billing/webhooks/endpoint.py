"""An endpoint: where a business wants to be told, of which kinds of facts, and whether it still is. Pure.

A pattern names one kind (`invoice.paid`), a family (`invoice.*`, of any depth) or everything (`*`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.storable import is_storable

MOST_ENDPOINTS = 20
MOST_PATTERNS = 50
MAX_DESCRIPTION = 400
LONGEST_OVERLAP = timedelta(days=7)
_PATTERN = re.compile(r"\*|[a-z][a-z0-9_]{0,59}(\.[a-z0-9_]{1,60}){0,4}(\.\*)?", re.ASCII)


class EndpointNotFoundError(NotFoundError):
    """The tenant has no such endpoint."""

    code = "webhook_endpoint_not_found"


class EndpointError(InvalidError):
    """The endpoint cannot be as it was asked for."""

    code = "invalid_webhook_endpoint"


class TooManyEndpointsError(ConflictError):
    """A tenant has a limited number of endpoints."""

    code = "too_many_webhook_endpoints"


class EndpointDisabledError(ConflictError):
    """Nothing is sent to an endpoint that is disabled."""

    code = "webhook_endpoint_disabled"


class DisabledFor(Enum):
    """Why nothing is sent."""

    REQUESTED = "requested"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to tell of what. `generation` counts its secrets; the one before signs too until `previous_until`.

    `failing_since` is the first failure after the last success. The lease, where there is one, says who is sending until when.
    """

    id: str
    url: str
    description: str
    events: tuple[str, ...]
    disabled_for: DisabledFor | None
    disabled_at: datetime | None
    generation: int
    previous_until: datetime | None
    failing_since: datetime | None
    last_position: int
    lease: str | None
    leased_until: datetime | None
    created_at: datetime

    @property
    def is_enabled(self) -> bool:
        """Whether anything is sent."""
        return self.disabled_for is None

    def hears(self, kind: str) -> bool:
        """Whether it wants to be told of this kind of fact."""
        return any(matches(pattern, kind) for pattern in self.events)

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is sending to it."""
        return self.leased_until is not None and now < self.leased_until

    def generations(self, now: datetime) -> tuple[int, ...]:
        """The secrets that sign at `now`, the newest first."""
        is_overlap = self.previous_until is not None and now < self.previous_until and self.generation > 1
        return (self.generation, self.generation - 1) if is_overlap else (self.generation,)

    def rotated(self, now: datetime, overlap: timedelta) -> Endpoint:
        """With a new secret; the one before goes on signing for `overlap`."""
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise EndpointError(
                f"the old secret goes on for at most {LONGEST_OVERLAP // timedelta(hours=1)} hours",
                field="overlap_hours",
            )
        return replace(self, generation=self.generation + 1, previous_until=now + overlap)

    def disabled(self, why: DisabledFor, now: datetime) -> Endpoint:
        """Told of nothing from now on."""
        return replace(self, disabled_for=why, disabled_at=now)

    def enabled(self) -> Endpoint:
        """Told again, with its failures forgotten."""
        return replace(self, disabled_for=None, disabled_at=None, failing_since=None)


def matches(pattern: str, kind: str) -> bool:
    """Whether a pattern names a kind.

    >>> matches("invoice.*", "invoice.paid"), matches("invoice.*", "invoices.paid"), matches("*", "plan.published")
    (True, False, True)
    """
    if pattern == "*":
        return True
    return kind.startswith(pattern[:-1]) if pattern.endswith(".*") else kind == pattern


def checked_events(events: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The patterns, each once in the order given. Raises EndpointError."""
    if not 1 <= len(events) <= MOST_PATTERNS:
        raise EndpointError(f"an endpoint hears 1 to {MOST_PATTERNS} patterns; '*' is everything", field="events")
    for pattern in events:
        if not _PATTERN.fullmatch(pattern):
            raise EndpointError(
                f"{pattern[:60]!r} is no pattern; write a kind, a family such as invoice.*, or *",
                field="events",
                pattern=pattern[:60],
            )
    return tuple(dict.fromkeys(events))


def checked_description(text: str) -> str:
    """The text, if it can be kept. Raises EndpointError."""
    if len(text) > MAX_DESCRIPTION or not is_storable(text):
        raise EndpointError(f"a description has at most {MAX_DESCRIPTION} characters", field="description")
    return text
