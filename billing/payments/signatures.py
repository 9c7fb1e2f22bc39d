"""Signed messages: an HMAC-SHA256 over the time and the body, compared in constant time, taken only when fresh. Pure.

The header is `t=<unix seconds>,v1=<hex>`, one v1 for each secret that is in use; the scheme is the one Stripe publishes.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from billing.payments.provider import MAX_EVENT_BYTES, TOLERANCE_SECONDS, SignatureError

_MAX_HEADER = 2000
_MAX_DIGITS = 12


def signature_header(secret: bytes, body: bytes, at: datetime) -> str:
    """What a sender puts beside `body` at `at`."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={_mac(secret, stamp, body)}"


def check_signature(secret: bytes, header: str, body: bytes, *, now: datetime) -> None:
    """Raise SignatureError unless one of the header's signatures is of this body, by this secret, and fresh at `now`."""
    if len(body) > MAX_EVENT_BYTES or len(header) > _MAX_HEADER:
        raise SignatureError(f"a message has at most {MAX_EVENT_BYTES} bytes")
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        raise SignatureError("the signature names no time")
    expected = _mac(secret, stamp, body).encode()
    matches = [hmac.compare_digest(expected, value.encode()) for name, _, value in parts if name == "v1"]
    if not any(matches):
        raise SignatureError("the signature is not of this message")
    age = now - datetime.fromtimestamp(int(stamp), UTC)
    if abs(age.total_seconds()) > TOLERANCE_SECONDS:
        raise SignatureError(f"the message is more than {TOLERANCE_SECONDS} seconds away from the present")


def _mac(secret: bytes, stamp: str, body: bytes) -> str:
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
