"""The composition root: builds every collaborator once, from the settings, and hands them to the shells."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from billing.db.counters import Counters, MemoryCounters, RedisCounters
from billing.db.session import Database
from billing.kernel.clock import Clock, SystemClock
from models.registry.folder import FolderRegistry
from serving.champions import ModelLoader
from serving.dunning import access_reader
from serving.gate.bus import RedisBus
from serving.gate.gate import SECOND_NS, Gate

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
    bus: RedisBus | None


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Everything that serves, on the embedded defaults or the servers that the settings name."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    gate, bus = _gate(settings, database)
    return Services(
        settings=settings,
        database=database,
        clock=clock or SystemClock(),
        counters=RedisCounters(settings.redis_url) if settings.redis_url else MemoryCounters(),
        models=ModelLoader(FolderRegistry(settings.home / "models")),
        secret=settings.signing_secret(),
        gate=gate,
        bus=bus,
    )


def _gate(settings: Settings, database: Database) -> tuple[Gate, RedisBus | None]:
    """The gate, told of every change that is committed here, and of those elsewhere where there is a Redis to hear them by."""
    gate = Gate(
        database,
        partial(access_reader, settings),
        time.monotonic_ns,
        age_ns=settings.gate_seconds * SECOND_NS,
    )
    database.listen(gate.forget)
    bus = RedisBus(settings.redis_url, time.monotonic_ns) if settings.redis_url else None
    if bus is not None:
        gate.link = bus
        database.listen(bus.tell)
    return gate, bus
