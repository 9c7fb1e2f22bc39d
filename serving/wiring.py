"""The composition root: builds every collaborator once, from the settings, and hands them to the shells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.db.counters import Counters, MemoryCounters, RedisCounters
from billing.db.session import Database
from billing.kernel.clock import Clock, SystemClock
from models.registry.folder import FolderRegistry
from serving.champions import ModelLoader

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


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Everything that serves, on the embedded defaults or the servers that the settings name."""
    settings.home.mkdir(parents=True, exist_ok=True)
    return Services(
        settings=settings,
        database=Database(settings.resolved_database_url),
        clock=clock or SystemClock(),
        counters=RedisCounters(settings.redis_url) if settings.redis_url else MemoryCounters(),
        models=ModelLoader(FolderRegistry(settings.home / "models")),
        secret=settings.signing_secret(),
    )
