"""The folder registry keeps the contract, survives crashes, and takes writers one at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from models.registry.folder import FolderRegistry
from models.registry.port import RegistryDamagedError
from tests.data_files import REPOSITORY
from tests.models.registry.contract import NOON, TASK, RegistryContract, card, model_folder

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "ten_1"


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    """An empty registry in a folder that is not there yet."""
    return FolderRegistry(tmp_path / "registry")


class TestFolderRegistry(RegistryContract):
    """The suite over folders."""


def test_another_process_sees_the_same(registry: FolderRegistry, tmp_path: Path) -> None:
    """Everything lies in the folders; a registry opened anew knows it all."""
    version = registry.publish(TENANT, TASK, model_folder(tmp_path), card(TENANT))
    registry.promote(TENANT, TASK, version, "better", NOON)

    again = FolderRegistry(tmp_path / "registry")

    assert again.champion(TENANT, TASK) == registry.champion(TENANT, TASK)
    assert again.history(TENANT, TASK) == registry.history(TENANT, TASK)


def test_the_pointer_says_champion_and_previous(registry: FolderRegistry, tmp_path: Path) -> None:
    """Readable without our code."""
    folder = model_folder(tmp_path)
    for _ in range(2):
        registry.promote(TENANT, TASK, registry.publish(TENANT, TASK, folder, card(TENANT)), "better", NOON)

    body = json.loads((tmp_path / "registry" / TENANT / TASK / "champion.json").read_text(encoding="utf-8"))

    assert (body["champion"], body["previous"]) == ("v0002", "v0001")


def test_what_a_crash_left_behind_is_nobodys_version(registry: FolderRegistry, tmp_path: Path) -> None:
    """A half-filled folder and a half-written pointer beside the real one are passed over."""
    registry.publish(TENANT, TASK, model_folder(tmp_path), card(TENANT))
    home = tmp_path / "registry" / TENANT / TASK
    (home / "versions" / ".half" / "model").mkdir(parents=True)
    (home / ".champion.json.half").write_text("{", encoding="utf-8")

    assert [one.version for one in registry.versions(TENANT, TASK)] == ["v0001"]
    assert registry.champion(TENANT, TASK) is None
    assert registry.publish(TENANT, TASK, model_folder(tmp_path, "next"), card(TENANT)) == "v0002"


def test_a_version_whose_files_changed_is_not_promoted(registry: FolderRegistry, tmp_path: Path) -> None:
    """Nor gone back to; the champion stays."""
    folder = model_folder(tmp_path)
    first, second = (registry.publish(TENANT, TASK, folder, card(TENANT)) for _ in range(2))
    registry.promote(TENANT, TASK, first, "good", NOON)
    registry.promote(TENANT, TASK, second, "better", NOON)
    stored = registry.versions(TENANT, TASK)[0]
    (stored.folder / "document.json").write_text("{}", encoding="utf-8")

    with pytest.raises(RegistryDamagedError):
        registry.rollback(TENANT, TASK, "worse", NOON)
    with pytest.raises(RegistryDamagedError):
        registry.promote(TENANT, TASK, first, "again", NOON)
    champion = registry.champion(TENANT, TASK)
    assert champion is not None
    assert champion.version == second


@pytest.mark.parametrize("text", ["", "{", "[]", '{"history": [{}]}'])
def test_a_broken_pointer_is_an_error_and_not_an_absence(registry: FolderRegistry, tmp_path: Path, text: str) -> None:
    """Serving then keeps what it has, instead of believing that there is nothing."""
    registry.publish(TENANT, TASK, model_folder(tmp_path), card(TENANT))
    (tmp_path / "registry" / TENANT / TASK / "champion.json").write_text(text, encoding="utf-8")

    with pytest.raises(RegistryDamagedError):
        registry.champion(TENANT, TASK)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from models.registry.folder import FolderRegistry
from tests.models.registry.contract import card
registry = FolderRegistry(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    version = registry.publish("ten_1", "churn", Path(sys.argv[2]), card("ten_1"))
    registry.promote("ten_1", "churn", version, sys.argv[3], datetime(2026, 3, 1, tzinfo=UTC))
"""


def test_two_processes_at_once_lose_nothing(registry: FolderRegistry, tmp_path: Path) -> None:
    """Thirty publications and promotions from two processes make thirty versions and one unbroken chain of moves."""
    arguments = [sys.executable, "-c", WRITER, str(tmp_path / "registry"), str(model_folder(tmp_path))]
    writers = [
        subprocess.Popen([*arguments, name], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    seen = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        seen.append(registry.champion(TENANT, TASK))
    assert [writer.wait() for writer in writers] == [0, 0]

    history = registry.history(TENANT, TASK)

    assert len(registry.versions(TENANT, TASK)) == 30
    assert len(history) == 30
    assert [one.previous for one in history] == [None, *(one.version for one in history[:-1])]
    assert {one.reason for one in history} == {"one", "two"}
    assert seen
    for writer in writers:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.close()
        writer.stdout.close()


def test_a_writer_that_is_killed_leaves_a_registry_that_works(registry: FolderRegistry, tmp_path: Path) -> None:
    """At whatever moment: the champion loads, its files are whole, and the next writer is not locked out."""
    folder = model_folder(tmp_path)
    registry.promote(TENANT, TASK, registry.publish(TENANT, TASK, folder, card(TENANT)), "first", NOON)
    endless = WRITER.replace("range(15)", "iter(int, 1)")
    with subprocess.Popen(
        [sys.executable, "-c", endless, str(tmp_path / "registry"), str(folder), "doomed"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
        while len(registry.history(TENANT, TASK)) < 6:
            pass
        writer.kill()

    champion = registry.champion(TENANT, TASK)

    assert champion is not None
    registry.verify(TENANT, TASK, champion.version)
    assert registry.publish(TENANT, TASK, folder, card(TENANT)) in {
        one.version for one in registry.versions(TENANT, TASK)
    }
