"""The sending of webhooks: what waits in the outbox is queued, and what is due is sent, many endpoints at a time and each in order.

`deliver_due` does one round for every tenant and waits for it. `DeliveryLoop` looks every few seconds and waits for nobody: a slow endpoint
holds up no other, and a tenant, which has a few senders at a time, no other tenant. Any number of processes may run it: who sends to an
endpoint is decided by a lease in the database. Time here is the world's, also for tenants with a test clock: who receives a message
compares its moment with their own clock.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from billing.db.outbox import has_waiting_facts
from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from billing.webhooks.address import AddressRule
from billing.webhooks.deliver import claim, compose, settle
from billing.webhooks.delivery import DeliveryState
from billing.webhooks.post import TIMEOUT_SECONDS, HttpPost
from billing.webhooks.relay import BATCH, relay
from billing.webhooks.store import DeliveryStore, EndpointStore
from serving.predict.export_push import PART_KIND, with_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.tenants.tenant import Tenant
    from billing.webhooks.post import Post
    from serving.settings import Settings
    from serving.wiring import Services

_LOG = structlog.get_logger("uptier.webhooks")
INTERVAL_SECONDS = 2.0
TIDY_SECONDS = 3600.0
MOST_AT_ONCE = 16
MOST_OF_A_TENANT = 4
TURN_MESSAGES = 200
TURN_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReport:
    """What a round did: facts queued, messages that were taken, and attempts that failed."""

    queued: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Turn:
    """An endpoint whose turn it is."""

    tenant: Tenant = field(compare=False)
    endpoint_id: str

    @property
    def scope(self) -> Scope:
        return Scope(self.tenant.id)


def address_rule(settings: Settings, tenant: Tenant) -> AddressRule:
    """Where a tenant's messages may go: a live tenant's only encrypted."""
    return AddressRule(allow_http=tenant.mode is Mode.TEST, allow_private=settings.webhook_private_addresses)


def kept_for(settings: Settings) -> timedelta:
    """How long settled deliveries are kept."""
    return timedelta(days=settings.webhook_days)


def deliver_due(
    services: Services,
    *,
    rng: random.Random | None = None,
    post: Callable[[Tenant], Post] | None = None,
    stop: threading.Event | None = None,
) -> DeliverReport:
    """One round: queue what waits and send what is due, of every tenant. One tenant's or endpoint's trouble stops no other."""
    chance, halt = rng or random.Random(), stop or threading.Event()
    send = post or (lambda tenant: HttpPost(address_rule(services.settings, tenant)))
    queued, turns = _find_turns(services)
    done = _take_all(turns, lambda turn: _guarded(services, turn, send(turn.tenant), chance, halt))
    return DeliverReport(
        queued=queued, delivered=sum(each.delivered for each in done), failed=sum(each.failed for each in done)
    )


def forget_deliveries(services: Services) -> int:
    """Remove the deliveries that were settled too long ago to be of use; the answer is how many."""
    before, gone = services.clock.now() - kept_for(services.settings), 0
    for tenant in _tenants(services):
        with services.database.unit(Scope(tenant.id)) as unit:
            gone += DeliveryStore(unit).forget_settled(before)
    return gone


class DeliveryLoop:
    """Delivers until it is told to stop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tidied: float | None = None
        self._rng = random.Random()
        self._busy: set[_Turn] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Deliver in threads of this process."""
        self._thread = threading.Thread(target=self.run_forever, name="uptier-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present requests and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_SECONDS + 5)

    def run_forever(self) -> None:
        """Look, hand out what is due, look again."""
        with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="uptier-webhook") as pool:
            while not self._stop.is_set():
                try:
                    for turn in self._free(_find_turns(self._services)[1]):
                        pool.submit(self._take, turn)
                    self._tidy()
                except Exception:  # noqa: BLE001 (outer edge: a database that is away for a while must not end the thread for good)
                    _LOG.exception("webhooks could not be delivered")
                self._stop.wait(INTERVAL_SECONDS)

    def _free(self, turns: list[_Turn]) -> list[_Turn]:
        """Those of the turns that can be taken now, noted as busy; the others are found again next time."""
        with self._lock:
            senders = Counter(turn.scope for turn in self._busy)
            taken = []
            for turn in turns:
                if turn not in self._busy and senders[turn.scope] < MOST_OF_A_TENANT:
                    senders[turn.scope] += 1
                    self._busy.add(turn)
                    taken.append(turn)
        return taken

    def _take(self, turn: _Turn) -> None:
        try:
            post = HttpPost(address_rule(self._services.settings, turn.tenant))
            _guarded(self._services, turn, post, self._rng, self._stop)
        finally:
            with self._lock:
                self._busy.discard(turn)

    def _tidy(self) -> None:
        now = time.monotonic()
        if self._tidied is None or now - self._tidied >= TIDY_SECONDS:
            forget_deliveries(self._services)
            self._tidied = now


def _tenants(services: Services) -> list[Tenant]:
    with services.database.view(PLATFORM_SCOPE) as unit:
        return TenantStore(unit).all()


def _find_turns(services: Services) -> tuple[int, list[_Turn]]:
    """Queue what waits, and say which endpoints have something due; with the number of facts that were queued."""
    queued, turns = 0, []
    for tenant in _tenants(services):
        try:
            queued += _relay(services, tenant)
            with services.database.view(Scope(tenant.id)) as unit:
                turns += [_Turn(tenant, endpoint_id) for endpoint_id in EndpointStore(unit).due(services.clock.now())]
        except Exception:  # noqa: BLE001 (outer edge: one tenant's trouble must not stop the others)
            _LOG.exception("webhooks could not be queued", tenant=tenant.id)
    return queued, turns


def _relay(services: Services, tenant: Tenant) -> int:
    """Queue all that waits, a batch a transaction; most of the time nothing does, and nothing is locked to find out."""
    scope, queued = Scope(tenant.id), 0
    with services.database.view(scope) as unit:
        waits = has_waiting_facts(unit)
    while waits:
        with services.database.unit(scope) as unit:
            taken = relay(unit, now=services.clock.now())
        queued += taken
        waits = taken == BATCH
    return queued


def _take_all(turns: list[_Turn], take: Callable[[_Turn], DeliverReport]) -> list[DeliverReport]:
    if len(turns) < 2:
        return [take(turn) for turn in turns]
    with ThreadPoolExecutor(min(len(turns), MOST_AT_ONCE), thread_name_prefix="uptier-webhook") as pool:
        return list(pool.map(take, turns))


def _guarded(services: Services, turn: _Turn, post: Post, rng: random.Random, stop: threading.Event) -> DeliverReport:
    try:
        return _drain(services, turn, post, rng, stop)
    except Exception:  # noqa: BLE001 (outer edge: the lease ends by itself and the message is sent again)
        _LOG.exception("webhook could not be sent", tenant=turn.tenant.id, endpoint=turn.endpoint_id)
        return DeliverReport()


def _drain(services: Services, turn: _Turn, post: Post, rng: random.Random, stop: threading.Event) -> DeliverReport:
    """Send an endpoint's messages in order while they are taken, for a while; then the next one has its turn."""
    ends, delivered, failed = time.monotonic() + TURN_SECONDS, 0, 0
    while delivered < TURN_MESSAGES and time.monotonic() < ends and not stop.is_set():
        sent = _send_next(services, turn, post, rng)
        if sent is None:
            break
        if sent is not DeliveryState.DELIVERED:
            failed += 1
            break
        delivered += 1
    return DeliverReport(delivered=delivered, failed=failed)


def _send_next(services: Services, turn: _Turn, post: Post, rng: random.Random) -> DeliveryState | None:
    """What became of the next message; None when there is none to send now. No transaction is open during the request."""
    with services.database.unit(turn.scope) as unit:
        claimed = claim(unit, turn.endpoint_id, now=services.clock.now())
    if claimed is None:
        return None
    if claimed.fact.kind == PART_KIND:
        now = turn.tenant.now(services.clock.now())
        with services.database.view(turn.scope) as unit:
            claimed = replace(claimed, fact=with_rows(services, unit, claimed.fact, now=now))
    headers, body = compose(claimed, services.secret, tenant_id=turn.tenant.id, now=services.clock.now())
    reply = post(claimed.endpoint.url, headers, body)
    with services.database.unit(turn.scope) as unit:
        settled = settle(unit, claimed, reply, now=services.clock.now(), rng=rng)
    if not reply.is_success:
        _LOG.info(
            "webhook failed", tenant=turn.tenant.id, endpoint=turn.endpoint_id, status=reply.status, error=reply.error
        )
    return None if settled is None else settled.state
