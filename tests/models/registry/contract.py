"""What every registry keeps, as one suite: a test class inherits it and gives a `registry`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from models.card import ModelCard
from models.metrics.interval import Interval
from models.registry.port import (
    Move,
    NothingToPublishError,
    NothingToRollBackError,
    UnsafeNameError,
    VersionExistsError,
    VersionNotFoundError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import Registry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASK = "churn"


def card(tenant: str, **changes: Any) -> ModelCard:
    """A card with every kind of value."""
    values: dict[str, Any] = {
        "tenant": tenant,
        "task": TASK,
        "as_of": NOON,
        "window_start": datetime(2026, 1, 1, tzinfo=UTC),
        "window_end": NOON,
        "data_hash": "abc",
        "rows": 100,
        "features": ("orders_90d",),
        "rung": "logistic regression (rung 2)",
        "metrics": {"log_loss": Interval(0.41, 0.4, 0.42)},
        "baselines": {"base rate": Interval(0.58, 0.57, 0.59)},
        "limits": ("not for credit decisions",),
        "gate": {"promote": True},
    }
    return ModelCard(**(values | changes))


def model_folder(root: Path, text: str = "weights") -> Path:
    """A folder as a fitted model leaves it."""
    folder = root / f"fitted-{text}"
    (folder / "deep").mkdir(parents=True)
    (folder / "document.json").write_text(f'{{"text": "{text}"}}', encoding="utf-8")
    (folder / "deep" / "arrays.npz").write_bytes(bytes(range(256)))
    return folder


class RegistryContract:
    """The suite; `tenant` differs from test to test so that a slow store may be shared."""

    @pytest.fixture
    def tenant(self, request: pytest.FixtureRequest) -> str:
        """A tenant of the test's own."""
        return f"ten_{abs(hash(request.node.nodeid)) % 10**12}"

    def test_what_was_published_is_there_to_the_byte(self, registry: Registry, tenant: str, tmp_path: Path) -> None:
        """Files, card and name come back; nothing is champion yet."""
        version = registry.publish(tenant, TASK, model_folder(tmp_path), card(tenant))

        (found,) = registry.versions(tenant, TASK)

        assert found.version == version
        assert found.card == card(tenant, version=version)
        assert {path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file()} == {
            "document.json",
            "deep/arrays.npz",
        }
        assert (found.folder / "deep" / "arrays.npz").read_bytes() == bytes(range(256))
        assert registry.champion(tenant, TASK) is None
        assert registry.history(tenant, TASK) == []

    def test_versions_are_named_apart_and_told_oldest_first(
        self, registry: Registry, tenant: str, tmp_path: Path
    ) -> None:
        """A card may name its version; the same name twice is refused."""
        folder = model_folder(tmp_path)
        first = registry.publish(tenant, TASK, folder, card(tenant))
        second = registry.publish(tenant, TASK, folder, card(tenant, version="a-name"))
        third = registry.publish(tenant, TASK, folder, card(tenant))

        assert len({first, second, third}) == 3
        assert [one.version for one in registry.versions(tenant, TASK)] == [first, second, third]
        with pytest.raises(VersionExistsError):
            registry.publish(tenant, TASK, folder, card(tenant, version="a-name"))

    def test_changing_the_folder_later_changes_no_version(
        self, registry: Registry, tenant: str, tmp_path: Path
    ) -> None:
        """A version is a copy."""
        folder = model_folder(tmp_path)
        registry.publish(tenant, TASK, folder, card(tenant))
        (folder / "document.json").write_text("changed", encoding="utf-8")

        (found,) = registry.versions(tenant, TASK)

        assert "weights" in (found.folder / "document.json").read_text(encoding="utf-8")

    def test_equal_files_have_an_equal_hash_and_others_do_not(
        self, registry: Registry, tenant: str, tmp_path: Path
    ) -> None:
        """The hash tells models apart."""
        registry.publish(tenant, TASK, model_folder(tmp_path), card(tenant))
        registry.publish(tenant, TASK, model_folder(tmp_path / "again"), card(tenant))
        registry.publish(tenant, TASK, model_folder(tmp_path, "other"), card(tenant))

        one, same, other = (found.sha256 for found in registry.versions(tenant, TASK))

        assert one == same != other

    def test_promotion_and_rollback_move_the_champion_and_are_on_record(
        self, registry: Registry, tenant: str, tmp_path: Path
    ) -> None:
        """Two rollbacks go back two champions, and a third finds nothing to go back to."""
        folder = model_folder(tmp_path)
        names = [registry.publish(tenant, TASK, folder, card(tenant)) for _ in range(3)]
        for name in names:
            registry.promote(tenant, TASK, name, f"better {name}", NOON)

        back = registry.rollback(tenant, TASK, "complaints", NOON)
        registry.rollback(tenant, TASK, "more complaints", NOON)

        champion = registry.champion(tenant, TASK)
        assert champion is not None
        assert champion.version == names[0]
        assert (back.version, back.previous, back.move, back.at) == (names[1], names[2], Move.ROLLED_BACK, NOON)
        assert [(one.version, one.previous, one.reason) for one in registry.history(tenant, TASK)] == [
            (names[0], None, f"better {names[0]}"),
            (names[1], names[0], f"better {names[1]}"),
            (names[2], names[1], f"better {names[2]}"),
            (names[1], names[2], "complaints"),
            (names[0], names[1], "more complaints"),
        ]
        with pytest.raises(NothingToRollBackError):
            registry.rollback(tenant, TASK, "too far", NOON)

    def test_promoting_the_champion_again_changes_nothing(
        self, registry: Registry, tenant: str, tmp_path: Path
    ) -> None:
        """A retry leaves one move on record."""
        version = registry.publish(tenant, TASK, model_folder(tmp_path), card(tenant))

        first = registry.promote(tenant, TASK, version, "once", NOON)
        second = registry.promote(tenant, TASK, version, "twice", NOON)

        assert first == second
        assert registry.history(tenant, TASK) == [first]

    def test_what_was_never_published_cannot_serve(self, registry: Registry, tenant: str, tmp_path: Path) -> None:
        """Nor can another task's version."""
        registry.publish(tenant, TASK, model_folder(tmp_path), card(tenant, version="here"))

        with pytest.raises(VersionNotFoundError):
            registry.promote(tenant, TASK, "nowhere", "hope", NOON)
        with pytest.raises(VersionNotFoundError):
            registry.promote(tenant, "propensity", "here", "mistake", NOON)
        assert registry.champion(tenant, TASK) is None

    def test_tenants_and_tasks_do_not_see_each_other(self, registry: Registry, tenant: str, tmp_path: Path) -> None:
        """The same version name in two places is two versions."""
        folder = model_folder(tmp_path)
        other = f"{tenant}-b"
        for who, task in ((tenant, TASK), (other, TASK), (tenant, "bundles")):
            registry.publish(who, task, folder, card(who, task=task, version="same"))
        registry.promote(tenant, TASK, "same", "ours", NOON)

        assert registry.champion(other, TASK) is None
        assert registry.champion(tenant, "bundles") is None
        assert len(registry.versions(other, TASK)) == 1

    @pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "a.b", "a" * 101, "a b", "é"])
    def test_names_that_are_not_safe_are_refused_everywhere(
        self, registry: Registry, tenant: str, tmp_path: Path, name: str
    ) -> None:
        """No name can leave its folder or collide with another."""
        folder = model_folder(tmp_path)

        with pytest.raises(UnsafeNameError):
            registry.publish(name, TASK, folder, card(tenant))
        with pytest.raises(UnsafeNameError):
            registry.champion(tenant, name)
        with pytest.raises(UnsafeNameError):
            registry.promote(tenant, TASK, name, "no", NOON)
        if name:
            with pytest.raises(UnsafeNameError):
                registry.publish(tenant, TASK, folder, card(tenant, version=name))

    def test_a_folder_without_files_is_refused(self, registry: Registry, tenant: str, tmp_path: Path) -> None:
        """So is one that is not there, and one that holds a link to elsewhere."""
        (tmp_path / "empty").mkdir()
        linked = model_folder(tmp_path)
        (linked / "link").symlink_to(tmp_path)

        for folder in (tmp_path / "empty", tmp_path / "missing", linked):
            with pytest.raises(NothingToPublishError):
                registry.publish(tenant, TASK, folder, card(tenant))
        assert registry.versions(tenant, TASK) == []
