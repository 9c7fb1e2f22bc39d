"""Models in memory: each tenant's champions, swapped whole when the champion changes, kept when the registry is away.

The champion is looked up at most once a second per task, by reading one small file; loading happens outside the lock of readers, and a
snapshot that does not load leaves the old one in place. A champion is replaced and never withdrawn, so a registry that knows of none any
more is one that is away. Memory is bounded by keeping the most recently asked models only.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from models.bundles.snapshot import BundleSnapshot
from models.recommender.snapshot import RecommenderSnapshot
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.registry.port import Registry

_LOG = structlog.get_logger("uptier.models")
LOOKUP_SECONDS = 1.0
MAX_LOADED = 64
_LOADERS: dict[str, Callable[[Path], Any]] = {
    "recommender": RecommenderSnapshot.load,
    "bundles": BundleSnapshot.load,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and the version it is."""

    model: Any
    version: str


@dataclass(slots=True)
class _Slot:
    loaded: Loaded | None = None
    looked_at: float = float("-inf")


class ModelLoader:
    """Gives the present champion of a task, or None while there is none."""

    def __init__(self, registry: Registry, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._slots: OrderedDict[tuple[str, str], _Slot] = OrderedDict()

    @property
    def registry(self) -> Registry:
        """Where the models come from, for whoever reads their cards."""
        return self._registry

    def champion(self, tenant_id: str, task: str) -> Loaded | None:
        """The champion in memory, refreshed when its pointer moved."""
        with self._lock:
            slot = self._slots.setdefault((tenant_id, task), _Slot())
            self._slots.move_to_end((tenant_id, task))
            while len(self._slots) > MAX_LOADED:
                self._slots.popitem(last=False)
            now = self._monotonic()
            if now - slot.looked_at < LOOKUP_SECONDS:
                return slot.loaded
            slot.looked_at = now
        self._refresh(slot, tenant_id, task)
        return slot.loaded

    def recommender(self, tenant_id: str) -> tuple[RecommenderSnapshot, str] | None:
        """The recommender in force and its version."""
        loaded = self.champion(tenant_id, "recommender")
        return None if loaded is None else (loaded.model, loaded.version)

    def bundles(self, tenant_id: str) -> tuple[BundleSnapshot, str] | None:
        """The bundle model in force and its version."""
        loaded = self.champion(tenant_id, "bundles")
        return None if loaded is None else (loaded.model, loaded.version)

    def _refresh(self, slot: _Slot, tenant_id: str, task: str) -> None:
        try:
            champion = self._registry.champion(tenant_id, task)
            if champion is not None and (slot.loaded is None or slot.loaded.version != champion.version):
                slot.loaded = Loaded(_LOADERS[task](champion.folder), champion.version)
                _LOG.info("model loaded", task=task, version=champion.version)
        except Exception:  # noqa: BLE001 (outer edge: whatever ails the registry, serving goes on with what it has)
            FALLBACKS.labels("model_loader").inc()
            _LOG.warning("model could not be refreshed", task=task, exc_info=True)
