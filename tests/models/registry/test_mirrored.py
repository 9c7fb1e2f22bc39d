"""Two registries kept alike: the first is the truth, and the second may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.registry.folder import FolderRegistry
from models.registry.memory import MemoryRegistry
from models.registry.mirrored import MirroredRegistry
from tests.models.registry.contract import NOON, TASK, RegistryContract, card, model_folder

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from models.card import ModelCard
    from models.registry.port import Release


class AwayRegistry(MemoryRegistry):
    """A mirror that can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """Fails while away."""
        self._check()
        return super().publish(tenant, task, folder, card)

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Fails while away."""
        self._check()
        return super().promote(tenant, task, version, reason, at)

    def _check(self) -> None:
        if self.away:
            raise ConnectionError("the mirror is away")


class TestMirroredRegistry(RegistryContract):
    """The suite over a mirrored pair."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> MirroredRegistry:
        """A folder registry with a mirror."""
        return MirroredRegistry(FolderRegistry(tmp_path / "registry"), MemoryRegistry())


def test_the_mirror_has_the_same_names_and_champion(tmp_path: Path) -> None:
    """Also after a rollback."""
    truth, mirror = MemoryRegistry(), MemoryRegistry()
    both = MirroredRegistry(truth, mirror)
    for _ in range(2):
        both.promote("t", TASK, both.publish("t", TASK, model_folder(tmp_path / str(_)), card("t")), "better", NOON)
    both.rollback("t", TASK, "worse", NOON)

    assert [one.version for one in mirror.versions("t", TASK)] == [one.version for one in truth.versions("t", TASK)]
    champion = mirror.champion("t", TASK)
    assert champion is not None
    assert champion.version == "v0001"


def test_a_mirror_that_is_away_stops_nothing_and_catches_up(tmp_path: Path) -> None:
    """Promotions go on; the next move brings the mirror what it missed."""
    truth, mirror = MemoryRegistry(), AwayRegistry()
    both = MirroredRegistry(truth, mirror)
    mirror.away = True
    version = both.publish("t", TASK, model_folder(tmp_path), card("t"))
    both.promote("t", TASK, version, "better", NOON)
    champion = both.champion("t", TASK)
    assert champion is not None
    assert champion.version == version
    assert mirror.versions("t", TASK) == []

    mirror.away = False
    later = both.publish("t", TASK, model_folder(tmp_path, "later"), card("t"))
    both.promote("t", TASK, later, "better still", NOON)
    both.rollback("t", TASK, "worse", NOON)

    assert {one.version for one in mirror.versions("t", TASK)} == {version, later}
    back = mirror.champion("t", TASK)
    assert back is not None
    assert back.version == version
