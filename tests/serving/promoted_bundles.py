"""A registry on disk whose champions move, whose lookups are counted and whose clock is moved by hand: what a loader is tested on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from models.bundles.affinity import fit_affinity
from models.bundles.snapshot import BundleSnapshot
from models.card import ModelCard
from models.recommender.interactions import Interactions
from models.registry.folder import FolderRegistry
from serving.champions import ModelLoader

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import ModelVersion

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TASK = "bundles"


@dataclass(slots=True)
class Hand:
    """A monotonic clock that is moved by hand."""

    seconds: float = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.seconds


class Watched(FolderRegistry):
    """The real registry, with its lookups counted, and a fault that can be switched on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.lookups: Counter[tuple[str, str]] = Counter()
        self.fault: Exception | None = None

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The champion, unless the fault is on."""
        self.lookups[tenant, task] += 1
        if self.fault is not None:
            raise self.fault
        return super().champion(tenant, task)


@dataclass(slots=True)
class Scene:
    """A registry on disk, a loader over it, and the hand of its clock."""

    registry: Watched
    root: Path
    hand: Hand = field(default_factory=Hand)

    def loader(self) -> ModelLoader:
        """A loader as a fresh process has it."""
        return ModelLoader(self.registry, self.hand)

    def promote(self, items: tuple[str, str] = ("tea", "pot"), tenant: str = "ten_1") -> str:
        """A bundle model over two items, published and made champion."""
        staging = self.root / "staging" / f"{tenant}-{len(self.registry.versions(tenant, TASK))}"
        snapshot_of(items).save(staging)
        version = self.registry.publish(tenant, TASK, staging, card(tenant))
        self.registry.promote(tenant, TASK, version, "for the test", NOW)
        return version

    def files(self, version: str, tenant: str = "ten_1") -> Path:
        """Where the registry keeps a version's files."""
        return self.root / "models" / tenant / TASK / "versions" / version / "model"


def snapshot_of(items: tuple[str, str]) -> BundleSnapshot:
    """Two items that were bought together a few times."""
    count = 6
    taken = Interactions.from_columns(
        [f"c{number}" for number in range(count) for _ in items],
        list(items) * count,
        np.repeat(np.arange(count), 2).tolist(),
        [f"b{number}" for number in range(count) for _ in items],
    ).compact()
    return BundleSnapshot.of(fit_affinity(taken, count), taken.items, count)


def card(tenant: str) -> ModelCard:
    """The least that a card holds."""
    return ModelCard(
        tenant=tenant,
        task=TASK,
        as_of=NOW,
        window_start=NOW,
        window_end=NOW,
        data_hash="",
        rows=12,
        features=("basket", "item"),
        metrics={},
    )
