"""The link by which a recipient ends a kind of mail without logging in: a signed name of tenant, customer, purpose and channel.

The signature (HMAC-SHA-256, 160 bits) is made with a key derived from the installation's secret, so nobody can make or change a link and
trying names finds nobody. Nothing is stored and links do not expire: mail is read years later. When the installation's secret is changed,
the ones before are still taken here (`UPTIER_PREVIOUS_SECRETS`), since a link in a mailbox cannot be written again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.settings import Settings

MAX_TOKEN: Final = 600
_PARTS: Final = 4
_BETWEEN: Final = "\x1f"
_MAC_BYTES: Final = 20


class LinkError(NotFoundError):
    """The link is not one that was given out here. Why not is not told."""

    code = "unsubscribe_link"


class NoPublicAddressError(InvalidError):
    """A link needs the address under which recipients reach this installation."""

    code = "no_public_url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who wants to hear no more of what, and where."""

    tenant_id: str
    customer_id: str
    purpose: str
    channel: str


def link_of(settings: Settings, secret: bytes, subject: Subject) -> str:
    """The address that ends it. Raises NoPublicAddressError."""
    require_public_address(settings)
    return f"{settings.public_url.rstrip('/')}/u/{sign(secret, subject)}"


def require_public_address(settings: Settings) -> None:
    """Raises NoPublicAddressError where links cannot be made."""
    if not settings.public_url:
        raise NoPublicAddressError(
            "set UPTIER_PUBLIC_URL to the address of this installation, such as https://billing.shop.example: mail links to it"
        )


def sign(secret: bytes, subject: Subject) -> str:
    """The token of a link: letters, digits, hyphens, underscores and one dot."""
    parts = (subject.tenant_id, subject.customer_id, subject.purpose, subject.channel)
    payload = _BETWEEN.join(parts).encode()
    return f"{_encode(payload)}.{_encode(_mac(secret, payload))}"


def subject_of(secrets: Sequence[bytes], token: str) -> Subject:
    """Who a token is about, signed with any of the secrets; each is tried in constant time. Raises LinkError."""
    payload, presented = _decoded(token)
    matches = [hmac.compare_digest(_mac(secret, payload), presented) for secret in secrets]
    parts = payload.decode(errors="replace").split(_BETWEEN)
    if not any(matches) or len(parts) != _PARTS:
        raise LinkError("this link is not complete or was not given out here; open the one in the newest mail")
    tenant_id, customer_id, purpose, channel = parts
    return Subject(tenant_id=tenant_id, customer_id=customer_id, purpose=purpose, channel=channel)


def secrets_of(settings: Settings, secret: bytes) -> tuple[bytes, ...]:
    """The secrets that links may be signed with, the present one first."""
    return (secret, *(each.get_secret_value().encode() for each in settings.previous_secrets))


def _decoded(token: str) -> tuple[bytes, bytes]:
    payload, _, presented = token[:MAX_TOKEN].partition(".")
    try:
        return _decode(payload), _decode(presented)
    except (binascii.Error, ValueError):
        return b"", b""


def _mac(secret: bytes, payload: bytes) -> bytes:
    key = hmac.digest(secret, b"unsubscribe-link", hashlib.sha256)
    return hmac.digest(key, payload, hashlib.sha256)[:_MAC_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
