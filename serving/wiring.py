"""The composition root: builds every collaborator once, from the settings, and hands them to the shells."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from billing.db.counters import Counters, MemoryCounters, RedisCounters
from billing.db.session import Database
from billing.kernel.clock import Clock, SystemClock
from models.registry.folder import FolderRegistry
from serving.champions import ModelLoader
from serving.dunning import access_reader
from serving.gate.bus import RedisBus
from serving.gate.cards import Cards, alone_ns
from serving.gate.gate import SECOND_NS, Gate, NoLink
from serving.gate.hearers import Hearers
from serving.gate.keyring import KeyRing
from serving.limits.service import Limits, open_limits

if TYPE_CHECKING:
    from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What a request or a job may need."""

    settings: Settings
    database: Database
    clock: Clock
    counters: Counters
    models: ModelLoader
    secret: bytes
    gate: Gate
    keys: KeyRing
    hearers: Hearers
    bus: RedisBus | None
    limiter: Limits
    cards: Cards[Any, Any]


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Everything that serves, on the embedded defaults or the servers that the settings name."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    bus = RedisBus(settings.redis_url, time.monotonic_ns) if settings.redis_url else None
    link = NoLink() if bus is None else bus
    gate = Gate(
        database,
        partial(access_reader, settings),
        time.monotonic_ns,
        link,
        age_ns=settings.gate_seconds * SECOND_NS,
    )
    keys = KeyRing(database, time.monotonic_ns, link)
    cards: Cards[Any, Any] = Cards(
        time.monotonic_ns, link, age_ns=settings.card_seconds * SECOND_NS, alone_ns=alone_ns(settings)
    )
    hearers = Hearers((gate, keys, cards))
    database.listen(hearers.forget)
    if bus is not None:
        database.listen(bus.tell)
    return Services(
        settings=settings,
        database=database,
        clock=clock or SystemClock(),
        counters=RedisCounters(settings.redis_url) if settings.redis_url else MemoryCounters(),
        models=ModelLoader(FolderRegistry(settings.home / "models")),
        secret=settings.signing_secret(),
        gate=gate,
        keys=keys,
        hearers=hearers,
        bus=bus,
        limiter=open_limits(settings, database, lambda: time.time_ns() // 1000),
        cards=cards,
    )
