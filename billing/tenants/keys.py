"""API keys: minted once, shown once, stored only as a hash, compared in constant time.

A key names its tenant in the open (`upt_sk_<tenant>_<secret>`), so that the lookup already happens inside that tenant's scope.
The secret part has 256 random bits, so one round of SHA-256 is a sound hash for it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import Kind, UptierError

if TYPE_CHECKING:
    from datetime import datetime

_PREFIXES = {"upt_sk": "secret", "upt_pk": "publishable"}


class BadKeyError(UptierError):
    """The key is missing, malformed, unknown or revoked; which of these is not told."""

    code = "unauthorized"
    kind = Kind.UNAUTHORIZED


class KeyKind(Enum):
    """Secret keys serve the business's services; publishable keys live in browsers and may do very little."""

    SECRET = "secret"  # noqa: S105 (the name of a kind)
    PUBLISHABLE = "publishable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is stored of a key. `origins` binds a publishable key to the pages that may use it."""

    id: str
    kind: KeyKind
    digest: str
    hint: str
    origins: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh key: `secret` is shown to its owner once and kept nowhere."""

    secret: str
    digest: str
    hint: str


def mint(kind: KeyKind, tenant_id: str) -> Minted:
    """A new key for a tenant."""
    short = "sk" if kind is KeyKind.SECRET else "pk"
    secret = f"upt_{short}_{tenant_id.removeprefix('ten_')}_{secrets.token_hex(32)}"
    return Minted(secret, digest(secret), secret[-4:])


def digest(secret: str) -> str:
    """The hash under which a key is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tenant_of(secret: str) -> tuple[str, KeyKind]:
    """The tenant and kind that a key names, before anything is proven."""
    parts = secret.split("_")
    kind = _PREFIXES.get("_".join(parts[:2]))
    is_readable = secret.isascii() and len(parts) == 4 and parts[2].isalnum() and len(parts[2]) <= 30
    if kind is None or not is_readable:
        raise BadKeyError("send a valid key as 'Authorization: Bearer upt_sk_...'")
    return f"ten_{parts[2]}", KeyKind(kind)


def matches(key: ApiKey, secret: str) -> bool:
    """Whether `secret` is this key, unrevoked; takes the same time whatever the answer."""
    return hmac.compare_digest(key.digest, digest(secret)) and key.revoked_at is None
