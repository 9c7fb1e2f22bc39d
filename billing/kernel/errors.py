"""The one base of all errors that people are meant to read: a stable code, a kind, a sentence and the facts to act on.

A subclass names one concept and is raised by the package that owns it. The HTTP status is chosen at the edge from `kind`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar


class Kind(Enum):
    """What sort of trouble it is, in words that no protocol owns."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class UptierError(Exception):
    """An error that a caller can act on: `detail` says what to do, `facts` carry the values."""

    code: ClassVar[str] = "error"
    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class InvalidError(UptierError):
    """The request cannot mean anything as it stands."""

    code = "invalid"


class NotFoundError(UptierError):
    """Nothing of that name belongs to this tenant; what belongs to another tenant is told the same way."""

    code = "not_found"
    kind = Kind.NOT_FOUND


class ConflictError(UptierError):
    """The request is well formed but the present state refuses it."""

    code = "conflict"
    kind = Kind.CONFLICT
