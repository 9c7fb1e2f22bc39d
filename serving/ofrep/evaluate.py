"""From who asks and what to the evaluated flags: from the snapshot in memory, or from a new one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import orjson
from starlette.requests import Request

from billing.db.scope import Scope as TenantScope
from billing.tenants.keys import BadKeyError, digest
from billing.tenants.store import TenantStore
from serving.api.context import OriginError, page_origin
from serving.gate.shared import Shared
from serving.ofrep.asking import ONE, FaultError
from serving.ofrep.flags import Pages, flag
from serving.ofrep.stream_token import signed, stream_secret, window
from serving.tokens import CustomerTokenError, customer_of, signing_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.types import Scope

    from billing.entitlements.snapshot import Snapshot
    from billing.tenants.authenticate import Principal
    from serving.ofrep.asking import Asked
    from serving.ofrep.flags import Page
    from serving.wiring import Services

STREAM_PATH = "/ofrep/v1/stream/"
INACTIVITY_SECONDS = 120


class Evaluator:
    """Evaluates for the routes and the streams of one process; writes nothing, counts no denial and logs no exposure."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.stream_secret = stream_secret(services.secret)
        self._pages = Pages()
        self._proofs: Shared[Principal] = Shared()
        self._snapshots: Shared[Snapshot] = Shared()

    async def principal(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Who asks. Raises BadKeyError."""
        presented = _presented(headers)
        keys = self.services.keys
        held = keys.held(presented)
        if held is not None:
            return held
        return await self._proofs.read(digest(presented), partial(keys.load, presented), partial(keys.held, presented))

    def vouch(self, principal: Principal, asked: Asked, headers: Mapping[bytes, bytes], scope: Scope) -> None:
        """That this key may ask about this customer: a browser's from its pages only, with the customer's token."""
        if principal.is_secret:
            return
        origin = page_origin(Request(scope))
        if origin is None or origin not in principal.key.origins:
            raise OriginError("this publishable key is not bound to the page's origin", origin=(origin or "")[:200])
        secret = signing_secret(self.services.secret, principal.tenant.id)
        token = headers.get(b"x-customer-token", b"").decode("latin-1")
        if customer_of(secret, token, now=self.services.clock.now()) != asked.customer:
            raise CustomerTokenError("the customer token speaks for another customer")

    async def one(self, principal: Principal, asked: Asked, key: str) -> bytes:
        """The answer about one flag. Raises FaultError for one that there is not."""
        now = principal.tenant.now(self.services.clock.now())
        snapshot = await self._snapshot(principal.scope, asked.customer, now)
        stale_ms = _milliseconds(snapshot, now)
        page = self._pages.of(snapshot)
        if key not in snapshot.entries:
            raise FaultError(404, "FLAG_NOT_FOUND", "there is no feature of this key")
        if asked.quantity == ONE:
            return page.one(key, stale_ms)
        return page.dated(flag(snapshot, key, snapshot.answer(key, asked.quantity)), stale_ms)

    async def page(self, principal: Principal, asked: Asked, told: str) -> tuple[Page, str, datetime]:
        """All flags, the tag of their results, and the tenant's time. A snapshot older than the tag the caller was told of is not used."""
        present = self.services.clock.now()
        now = principal.tenant.now(present)
        snapshot = self.services.gate.held(principal.tenant.id, asked.customer, now)
        page = None if snapshot is None else self._pages.of(snapshot)
        if page is None or (told and told != self._tag(page, present)):
            page = self._pages.of(await self._loaded(principal.scope, asked.customer, now))
        return page, self._tag(page, present), now

    def rendered(self, page: Page, now: datetime) -> bytes:
        """The whole answer about all flags, with the address of the customer's stream."""
        token = page.token_of(window(self.services.clock.now()), self._signed)
        endpoint = {"requestUri": f"{STREAM_PATH}{token}"}
        streams = orjson.dumps([{"type": "sse", "endpoint": endpoint, "inactivityDelaySec": INACTIVITY_SECONDS}])
        return page.everything(_milliseconds(page.snapshot, now), streams)

    async def standing(self, tenant_id: str, customer: str) -> tuple[str, str]:
        """A customer's id and the tag of their results as they stand. Raises what reading raises."""
        snapshot = await asyncio.to_thread(self._read, tenant_id, customer)
        return snapshot.customer_id, self._tag(self._pages.of(snapshot), self.services.clock.now())

    def _read(self, tenant_id: str, customer: str) -> Snapshot:
        scope = TenantScope(tenant_id)
        with self.services.database.view(scope) as unit:
            tenant = TenantStore(unit).find(tenant_id)
        if tenant is None:
            raise BadKeyError("there is no such tenant")
        return self.services.gate.snapshot(scope, customer, tenant.now(self.services.clock.now()))

    async def _snapshot(self, scope: TenantScope, customer: str, now: datetime) -> Snapshot:
        gate = self.services.gate
        held = gate.held(scope.tenant_id, customer, now)
        return await self._loaded(scope, customer, now) if held is None else held

    async def _loaded(self, scope: TenantScope, customer: str, now: datetime) -> Snapshot:
        gate = self.services.gate
        load, held = partial(gate.load, scope, customer, now), partial(gate.held, scope.tenant_id, customer, now)
        return await self._snapshots.read((scope.tenant_id, customer), load, held)

    def _signed(self, page: Page) -> str:
        snapshot = page.snapshot
        return signed(self.stream_secret, snapshot.tenant_id, snapshot.customer, self.services.clock.now())

    @staticmethod
    def _tag(page: Page, present: datetime) -> str:
        """The results, and the hour of the stream's address: a client that has both needs neither again."""
        return f'"{page.digest}-{window(present):x}"'


def _presented(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, presented = given.partition(" ")
    if scheme.lower() == "bearer" and presented:
        return presented.strip()
    presented = headers.get(b"x-api-key", b"").decode("latin-1").strip()
    if not presented:
        raise BadKeyError("send your key as 'Authorization: Bearer upt_sk_...' or as 'X-API-Key: upt_sk_...'")
    return presented


def _milliseconds(snapshot: Snapshot, now: datetime) -> int:
    """How old a snapshot's facts are, in whole milliseconds."""
    age = now - snapshot.read_at
    return max(0, (age.days * 86_400 + age.seconds) * 1000 + age.microseconds // 1000)
