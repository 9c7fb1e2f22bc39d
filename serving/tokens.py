"""Customer tokens: what a business signs on its server so that a browser may speak for one customer for a short while.

A token is a JWT (RFC 7519, HS256) with `sub` the customer's key, `aud` "uptier" and `exp` at most an hour away; `member` and `role` may say
which person of the customer it is and what they may do. The signing secret of a tenant is derived from the installation's, so nothing is
stored; the business reads it once with its secret key.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import jwt

from billing.kernel.errors import Kind, UptierError
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_LIFE = timedelta(hours=1)
_AUDIENCE = "uptier"
_LEEWAY = timedelta(seconds=30)
_LONGEST_NAME = 200


class CustomerTokenError(UptierError):
    """The customer token is missing, expired, too long-lived or not signed by the business."""

    code = "bad_customer_token"
    kind = Kind.UNAUTHORIZED


def signing_secret(installation_secret: bytes, tenant_id: str) -> str:
    """The secret that a tenant signs its customer tokens with."""
    return hmac.new(installation_secret, f"customer-token:{tenant_id}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whom a token speaks for: the customer, and where the business said so which member of it in which role."""

    customer: str
    member: str | None = None
    role: str | None = None


def sign(
    secret: str,
    customer: str,
    *,
    now: datetime,
    life: timedelta = timedelta(minutes=30),
    member: str | None = None,
    role: str | None = None,
) -> str:
    """A token for one customer, as any JWT library of the business would make it."""
    claims = {"sub": customer, "aud": _AUDIENCE, "iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
    said = {name: value for name, value in {"member": member, "role": role}.items() if value is not None}
    return jwt.encode({**claims, **said}, secret, algorithm="HS256")


def customer_of(secret: str, token: str, *, now: datetime) -> str:
    """The customer that a token speaks for, or the one error that tells what to do."""
    return speaker_of(secret, token, now=now).customer


def speaker_of(secret: str, token: str, *, now: datetime) -> Speaker:
    """The same, with the member and role that the business named in the token."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=_AUDIENCE,
            options={"require": ["sub", "exp", "aud"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        expires, begins = int(claims["exp"]), int(claims.get("nbf", 0))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        raise CustomerTokenError("the customer token is not signed with this tenant's signing secret") from None
    present = now.timestamp()
    if expires <= present - _LEEWAY.total_seconds():
        raise CustomerTokenError("the customer token has expired; ask the shop's server for a fresh one")
    if begins > present + _LEEWAY.total_seconds():
        raise CustomerTokenError("the customer token is not valid yet; check the clock of the shop's server")
    if expires > present + (LONGEST_LIFE + _LEEWAY).total_seconds():
        raise CustomerTokenError("a customer token lives for an hour at most; sign one that ends sooner")
    return Speaker(str(claims["sub"]), _named(claims.get("member")), _named(claims.get("role")))


def _named(claim: object) -> str | None:
    if claim is None:
        return None
    if not isinstance(claim, str) or not 0 < len(claim) <= _LONGEST_NAME or not is_storable(claim):
        raise CustomerTokenError(f"a token names a member and a role by 1 to {_LONGEST_NAME} characters each")
    return claim
