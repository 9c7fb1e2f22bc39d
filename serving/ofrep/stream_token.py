"""What lets a browser listen for changes: the address of a stream carries a token, since an EventSource can send no headers.

A token is a JWT (HS256) that names tenant and customer and ends within two hours. It is made anew once an hour, so that a client that
asks again meanwhile is given the same address and keeps its connection. Who has the address learns that something changed, nothing more.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt

from billing.kernel.errors import Kind, UptierError

if TYPE_CHECKING:
    from datetime import datetime

WINDOW_SECONDS = 3600
_AUDIENCE = "uptier-stream"


class StreamTokenError(UptierError):
    """The stream's address is not one of ours, or is no longer good."""

    code = "bad_stream_address"
    kind = Kind.UNAUTHORIZED


@dataclass(frozen=True, slots=True)
class Listener:
    """Whose changes a stream tells of, until when (seconds since 1970)."""

    tenant_id: str
    customer: str
    until: int


def window(now: datetime) -> int:
    """The number of the hour in which tokens are the same."""
    return int(now.timestamp()) // WINDOW_SECONDS


def stream_secret(installation_secret: bytes) -> str:
    """What stream tokens are signed with; nothing else is."""
    return hmac.new(installation_secret, b"ofrep-stream", hashlib.sha256).hexdigest()


def signed(secret: str, tenant_id: str, customer: str, now: datetime) -> str:
    """The token of this hour."""
    until = (window(now) + 2) * WINDOW_SECONDS
    return jwt.encode({"ten": tenant_id, "sub": customer, "aud": _AUDIENCE, "exp": until}, secret, algorithm="HS256")


def listener_of(secret: str, token: str, now: datetime) -> Listener:
    """Who a token speaks for. Raises StreamTokenError."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=_AUDIENCE,
            options={"require": ["ten", "sub", "exp", "aud"], "verify_exp": False},
        )
        found = Listener(str(claims["ten"]), str(claims["sub"]), int(claims["exp"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        raise StreamTokenError("this is not the address of a stream; take it from eventStreams") from None
    if found.until <= now.timestamp():
        raise StreamTokenError("the stream's address has ended; evaluate again to be given another")
    return found
