"""Models in memory: swapped when the champion moves, kept whatever ails the registry, looked up once a second, few at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from models.registry.memory import MemoryRegistry
from serving.champions import LOOKUP_SECONDS, MAX_LOADED, ModelLoader
from tests.serving.promoted_bundles import NOW, TASK, Hand, Scene, Watched, card, snapshot_of

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import ModelVersion


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """An empty registry."""
    return Scene(Watched(tmp_path / "models"), tmp_path)


def _items(loader: ModelLoader, tenant: str = "ten_1") -> list[str]:
    found = loader.bundles(tenant)
    return [] if found is None else sorted(found[0].items.tolist())


def test_without_a_champion_there_is_no_model(scene: Scene) -> None:
    """A tenant that never trained, and a task of which none was promoted."""
    loader = scene.loader()

    assert loader.bundles("ten_1") is None
    assert loader.recommender("ten_1") is None


def test_a_new_champion_is_served_within_a_second_without_a_restart(scene: Scene) -> None:
    """And a rollback brings the old one back the same way."""
    first = scene.promote(("tea", "pot"))
    loader = scene.loader()
    assert (loader.bundles("ten_1") or (None, ""))[1] == first

    second = scene.promote(("beans", "mill"))
    assert _items(loader) == ["pot", "tea"]
    scene.hand.seconds += LOOKUP_SECONDS
    assert (_items(loader), (loader.bundles("ten_1") or (None, ""))[1]) == (["beans", "mill"], second)

    scene.registry.rollback("ten_1", TASK, "worse than it seemed", NOW)
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["pot", "tea"]


def test_the_registry_is_asked_once_a_second_and_a_task(scene: Scene) -> None:
    """However many requests there are; also while there is no champion, and while the registry is broken."""
    loader = scene.loader()
    for fault in (None, OSError("away")):
        scene.registry.fault = fault
        scene.registry.lookups.clear()
        for step in range(40):
            scene.hand.seconds = 200.0 + step / 10 + (1000 if fault else 0)
            loader.bundles("ten_1")
        assert scene.registry.lookups == {("ten_1", TASK): 4}


def test_a_model_that_did_not_change_is_not_loaded_again(scene: Scene) -> None:
    """The object in memory stays the same one."""
    scene.promote()
    loader = scene.loader()
    before = loader.champion("ten_1", TASK)
    scene.hand.seconds += 10

    assert loader.champion("ten_1", TASK) is before


@pytest.mark.parametrize("fault", [OSError("disk"), PermissionError("mode"), ValueError("bug"), RuntimeError("any")])
def test_a_broken_registry_leaves_the_old_model_serving(scene: Scene, fault: Exception) -> None:
    """And once it is back, so is the new champion."""
    scene.promote(("tea", "pot"))
    loader = scene.loader()
    assert _items(loader) == ["pot", "tea"]
    scene.promote(("beans", "mill"))

    scene.registry.fault = fault
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["pot", "tea"]

    scene.registry.fault = None
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["beans", "mill"]


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone", "no folder", "another model"])
def test_a_damaged_champion_leaves_the_old_model_serving(scene: Scene, harm: str) -> None:
    """Changed bytes, half a file, no file, nothing at all, or the files of something else: each is noticed before it serves."""
    scene.promote(("tea", "pot"))
    loader = scene.loader()
    assert _items(loader) == ["pot", "tea"]
    _harm(scene.files(scene.promote(("beans", "mill"))), harm)
    scene.hand.seconds += LOOKUP_SECONDS

    assert _items(loader) == ["pot", "tea"]

    scene.promote(("leaf", "tin"))
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["leaf", "tin"]


def _harm(folder: Path, harm: str) -> None:
    arrays = folder / "arrays.npz"
    match harm:
        case "flipped":
            body = bytearray(arrays.read_bytes())
            body[len(body) // 2] ^= 0xFF
            arrays.write_bytes(body)
        case "cut":
            arrays.write_bytes(arrays.read_bytes()[:40])
        case "gone":
            arrays.unlink()
        case "no folder":
            folder.rename(folder.with_name("elsewhere"))
        case _:
            document = folder / "document.json"
            document.write_text(document.read_text().replace('"bundles"', '"recommender"'))


def test_a_registry_that_vanished_leaves_the_old_model_serving(scene: Scene) -> None:
    """An unmounted folder looks like one in which nobody was ever promoted; what is in memory answers on."""
    scene.promote(("tea", "pot"))
    loader = scene.loader()
    assert _items(loader) == ["pot", "tea"]

    (scene.root / "models").rename(scene.root / "unmounted")
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["pot", "tea"]

    (scene.root / "models" / "ten_1" / TASK).mkdir(parents=True)
    (scene.root / "models" / "ten_1" / TASK / "champion.json").write_text("{ half a")
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["pot", "tea"]


def test_a_damaged_first_champion_is_no_model_and_no_crash(scene: Scene) -> None:
    """A fresh process has nothing older to fall back on; it says that there is none, and tries again."""
    version = scene.promote()
    _harm(scene.files(version), "cut")
    loader = scene.loader()

    assert loader.bundles("ten_1") is None

    scene.promote(("beans", "mill"))
    scene.hand.seconds += LOOKUP_SECONDS
    assert _items(loader) == ["beans", "mill"]


def test_tenants_get_their_own_models(scene: Scene) -> None:
    """Whoever asks first."""
    scene.promote(("tea", "pot"), "ten_1")
    scene.promote(("beans", "mill"), "ten_2")
    loader = scene.loader()

    assert [_items(loader, tenant) for tenant in ("ten_2", "ten_1", "ten_3")] == [["beans", "mill"], ["pot", "tea"], []]


def test_memory_holds_the_models_that_were_asked_for_last(scene: Scene) -> None:
    """Past the bound the one that was not asked for longest is let go, and loaded again when somebody comes back for it."""
    scene.promote(("tea", "pot"), "ten_first")
    loader = scene.loader()
    assert _items(loader, "ten_first") == ["pot", "tea"]
    for number in range(MAX_LOADED * 3):
        loader.bundles(f"ten_{number}")
        assert len(loader._slots) <= MAX_LOADED
    assert ("ten_first", TASK) not in loader._slots

    assert _items(loader, "ten_first") == ["pot", "tea"]


def test_a_model_in_use_stays_in_memory(scene: Scene) -> None:
    """However many others pass by, the one that is asked for all the time is loaded once."""
    scene.promote(("tea", "pot"), "ten_busy")
    loader = scene.loader()
    before = loader.champion("ten_busy", TASK)
    for number in range(MAX_LOADED * 3):
        loader.bundles(f"ten_{number}")
        assert loader.champion("ten_busy", TASK) is before


class Stuck(MemoryRegistry):
    """A registry whose answer can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The champion, once it may answer."""
        self.asked.set()
        assert self.go_on.wait(30)
        return super().champion(tenant, task)


def test_nobody_waits_for_a_registry_that_is_slow(tmp_path: Path) -> None:
    """One request looks the champion up; all others are answered from memory meanwhile."""
    registry, hand = Stuck(), Hand()
    snapshot_of(("tea", "pot")).save(tmp_path / "model")
    registry.promote("ten_1", TASK, registry.publish("ten_1", TASK, tmp_path / "model", card("ten_1")), "first", NOW)
    loader = ModelLoader(registry, hand)
    assert _items(loader) == ["pot", "tea"]
    registry.asked.clear()
    registry.go_on.clear()
    hand.seconds += LOOKUP_SECONDS
    waiting = threading.Thread(target=loader.bundles, args=("ten_1",))
    waiting.start()
    assert registry.asked.wait(30)

    assert _items(loader) == ["pot", "tea"]

    assert waiting.is_alive()
    registry.go_on.set()
    waiting.join(30)
    assert not waiting.is_alive()
