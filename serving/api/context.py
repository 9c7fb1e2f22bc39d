"""What every route is given: who asks, in whose scope, what time it is for them, and a transaction to work in.

Secret keys may do everything; publishable keys only what a route opens to browsers, from the origins they are bound to, for the customer
that a signed token names.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from billing.db.replay import Answer, recall, remember
from billing.kernel.errors import InvalidError, Kind, UptierError
from billing.tenants.keys import BadKeyError
from serving.tokens import CustomerTokenError, Speaker, signing_secret, speaker_of
from serving.wiring import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from billing.db.session import Unit
    from billing.tenants.authenticate import Principal

MAX_KEY = 200


class ForbiddenKeyError(UptierError):
    """A browser's key asked for what only the business's own services may have."""

    code = "forbidden"
    kind = Kind.FORBIDDEN


class OriginError(UptierError):
    """A publishable key was used from a page it is not bound to."""

    code = "origin_not_allowed"
    kind = Kind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class Context:
    """One request's principal, time and transactions."""

    services: Services
    principal: Principal
    request: Request

    @property
    def now(self) -> datetime:
        """What time it is for this tenant."""
        return self.principal.tenant.now(self.services.clock.now())

    @property
    def tenant_id(self) -> str:
        """The tenant of everything this request may touch."""
        return self.principal.tenant.id

    @contextmanager
    def view(self) -> Iterator[Unit]:
        """A read-only transaction in the tenant's scope."""
        with self.services.database.view(self.principal.scope) as unit:
            yield unit

    @contextmanager
    def unit(self) -> Iterator[Unit]:
        """A writing transaction in the tenant's scope."""
        with self.services.database.unit(self.principal.scope) as unit:
            yield unit

    def write(self, work: Callable[[Unit], Any], *, body: object = None, status: int = 200) -> JSONResponse:
        """Run a use case in one transaction and answer with its result; with an `Idempotency-Key`, once and the same again."""
        key, fingerprint = self.replay_key(body)
        with self.unit() as unit:
            known = recall(unit, key, fingerprint) if key else None
            if known is not None:
                return JSONResponse(known.body, status_code=known.status, headers={"Idempotent-Replayed": "true"})
            result = jsonable_encoder(work(unit))
            if key:
                remember(unit, key, fingerprint, Answer(status, result), self.services.clock.now())
        return JSONResponse(result, status_code=status)

    def replay_key(self, body: object) -> tuple[str | None, str]:
        """The request's `Idempotency-Key` as this asker's own, None without one, and a digest of what it stands for."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None, ""
        if not 0 < len(key) <= MAX_KEY:
            raise InvalidError(f"an Idempotency-Key has 1 to {MAX_KEY} characters")
        return self._own(key), self._fingerprint(body)

    def _own(self, key: str) -> str:
        """The key as this asker's own: two customers' browsers that choose one key are strangers to each other."""
        who = "" if self.principal.is_secret else self.customer(None)
        return hashlib.sha256(f"{self.principal.key.kind.value}\x1f{who}\x1f{key}".encode()).hexdigest()

    def _fingerprint(self, body: object) -> str:
        text = json.dumps([self.request.method, self.request.url.path, jsonable_encoder(body)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def customer(self, named: str | None) -> str:
        """The customer a request is about: the one it names, or for a browser the one its token proves."""
        return self.speaker(named).customer

    def speaker(self, named: str | None, member: str | None = None, role: str | None = None) -> Speaker:
        """The same with the member and role: a secret key is believed, a browser says only what its token proves."""
        if self.principal.is_secret:
            if not named:
                raise InvalidError("name the customer")
            return Speaker(named, member, role)
        secret = signing_secret(self.services.secret, self.tenant_id)
        token = self.request.headers.get("x-customer-token", "")
        proven = speaker_of(secret, token, now=self.services.clock.now())
        if named and named != proven.customer:
            raise CustomerTokenError("the customer token speaks for another customer")
        return proven


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 (set by the app factory)
    return services


def _principal(request: Request) -> Principal:
    return _services(request).keys.principal(_presented(request))


def _presented(request: Request) -> str:
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented:
        raise BadKeyError("send your key as 'Authorization: Bearer upt_sk_...'")
    return presented.strip()


def _secret(request: Request) -> Context:
    principal = _principal(request)
    if not principal.is_secret:
        raise ForbiddenKeyError("a publishable key may not do this; call it from your server with a secret key")
    return Context(_services(request), principal, request)


async def browser_context(request: Request) -> Context:
    """The same as `BrowserContext` for routes that are asked too often for a thread each: a key that is known costs no query."""
    services, presented = _services(request), _presented(request)
    principal = services.keys.held(presented)
    if principal is None:
        principal = await run_in_threadpool(services.keys.load, presented)
    return _from_page(request, principal)


def _browser(request: Request) -> Context:
    return _from_page(request, _principal(request))


def _from_page(request: Request, principal: Principal) -> Context:
    origin = page_origin(request)
    if not principal.is_secret and not _allowed(origin, principal.key.origins):
        raise OriginError("this publishable key is not bound to the page's origin", origin=(origin or "")[:200])
    return Context(_services(request), principal, request)


def page_origin(request: Request) -> str | None:
    """The origin of the page that asks. Browsers leave it out of a page's GET to its own server: its address then tells.

    No script can set either header, nor `Sec-Fetch-Site`, which must not say that the page is another site's. A page of unknown origin
    sends "null", which no key is bound to.
    """
    origin = request.headers.get("origin")
    if origin is not None:
        return origin
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return None
    parts = urlsplit(request.headers.get("referer", ""))
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else None


def _allowed(origin: str | None, allowed: tuple[str, ...]) -> bool:
    return origin is not None and origin in allowed


SecretContext = Annotated[Context, Depends(_secret)]
"""A request by the business's own service."""

BrowserContext = Annotated[Context, Depends(_browser)]
"""A request by the business's service, or by a browser for the customer its token names."""
