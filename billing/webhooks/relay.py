"""From facts to deliveries: each fact that waits in the outbox is queued for every endpoint that wants to hear of it, in one transaction.

Queuing and marking commit together, so a fact is neither lost nor queued twice, whoever is killed. Facts are queued in the order they were
made; one whose transaction committed late is queued when it is seen. An endpoint hears facts that were made after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.db.outbox import mark_published, waiting_facts
from billing.webhooks.enqueue import enqueue
from billing.webhooks.store import EndpointStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

BATCH = 200


def relay(unit: Unit, *, now: datetime, limit: int = BATCH) -> int:
    """Queue what waits; the answer is how many facts were taken, so fewer than `limit` means that none is left."""
    endpoints = EndpointStore(unit).lock_enabled()  # before the facts are read: of two at once, the second finds none
    facts = waiting_facts(unit, limit=limit)
    for endpoint in endpoints:
        wanted = [fact for fact in facts if endpoint.hears(fact.kind) and _made(fact.id) > _made(endpoint.id)]
        enqueue(unit, endpoint, wanted, now=now)
    mark_published(unit, [fact.id for fact in facts], now)
    return len(facts)


def _made(name: str) -> str:
    """The part of an id that sorts by when it was made."""
    return name.partition("_")[2]
