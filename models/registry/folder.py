"""The registry that serving trusts: immutable folders under a root and one small file that says which is champion.

    root / tenant / task / versions / v0001 / model / ...    the published files, with card.json and manifest.json beside them
    root / tenant / task / champion.json                     the champion and every move before it, swapped whole by one rename

Readers take no lock and never see half of anything; writers of one task take turns, across processes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import CardError, ModelCard
from models.registry.content import manifest_hash, manifest_of
from models.registry.durable import one_writer, replace_text, settle_file, settle_folder
from models.registry.port import (
    ModelVersion,
    RegistryDamagedError,
    Release,
    VersionExistsError,
    VersionNotFoundError,
    require_safe,
)
from models.registry.releases import champion_of, from_document, going_back, promotion, to_document

if TYPE_CHECKING:
    from datetime import datetime

_MODEL, _CARD, _MANIFEST, _POINTER, _LOCK = "model", "card.json", "manifest.json", "champion.json", ".lock"


class FolderRegistry:
    """Models under one root folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """Copies the folder and returns the version; it appears by one rename, after its bytes are on the disk."""
        home = self._home(tenant, task)
        manifest = manifest_of(folder)
        versions = home / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        with one_writer(home / _LOCK):
            version = card.version or _next_version(versions)
            require_safe(version)
            if (versions / version).exists():
                raise VersionExistsError("a version of that name was published before", version=version)
            staging = Path(tempfile.mkdtemp(prefix=".", dir=versions))
            try:
                _fill(staging, folder, manifest, replace(card, version=version))
                staging.replace(versions / version)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            settle_folder(versions)
        return version

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The version that serves, or None while none was promoted."""
        version = champion_of(self.history(tenant, task))
        return None if version is None else self._version(tenant, task, version)

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """All published versions, oldest first."""
        folder = self._home(tenant, task) / "versions"
        if not folder.is_dir():
            return []
        names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        found = [(_order(folder / name), name) for name in names]
        return [self._version(tenant, task, name) for _, name in sorted(found)]

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Makes a published version the champion, once its files are what was published."""
        home = self._home(tenant, task)
        self.verify(tenant, task, version)
        with one_writer(home / _LOCK):
            history = _read_history(home / _POINTER)
            release = promotion(history, version, reason, at)
            if release is None:
                return history[-1]
            _write_history(home / _POINTER, [*history, release])
        return release

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Makes the champion before the present one the champion again."""
        home = self._home(tenant, task)
        home.mkdir(parents=True, exist_ok=True)
        with one_writer(home / _LOCK):
            history = _read_history(home / _POINTER)
            release = going_back(history, reason, at)
            self.verify(tenant, task, release.version)
            _write_history(home / _POINTER, [*history, release])
        return release

    def history(self, tenant: str, task: str) -> list[Release]:
        """Every move of the champion, oldest first."""
        return _read_history(self._home(tenant, task) / _POINTER)

    def verify(self, tenant: str, task: str, version: str) -> None:
        """Refuses a version whose files are not those that were published."""
        found = self._version(tenant, task, version)
        if manifest_hash(manifest_of(found.folder)) != found.sha256:
            raise RegistryDamagedError("the version's files are not those that were published", version=version)

    def _home(self, tenant: str, task: str) -> Path:
        require_safe(tenant, task)
        return self._root / tenant / task

    def _version(self, tenant: str, task: str, version: str) -> ModelVersion:
        require_safe(version)
        place = self._home(tenant, task) / "versions" / version
        if not place.is_dir():
            raise VersionNotFoundError("no such version of this model was published", task=task, version=version)
        try:
            card = ModelCard.from_json((place / _CARD).read_text(encoding="utf-8"))
            sha256 = json.loads((place / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
        except (OSError, ValueError, KeyError, TypeError, CardError) as error:
            raise RegistryDamagedError("the version's card cannot be read", task=task, version=version) from error
        return ModelVersion(tenant=tenant, task=task, version=version, folder=place / _MODEL, card=card, sha256=sha256)


def _fill(staging: Path, folder: Path, manifest: dict[str, str], card: ModelCard) -> None:
    """Copies the files, and makes sure that what lies there is what was hashed."""
    shutil.copytree(folder, staging / _MODEL)
    if manifest_of(staging / _MODEL) != manifest:
        raise RegistryDamagedError("the folder changed while it was being published", folder=folder.name)
    (staging / _CARD).write_text(card.to_json(), encoding="utf-8")
    body = {"files": manifest, "sha256": manifest_hash(manifest), "number": _count(staging.parent) + 1}
    (staging / _MANIFEST).write_text(json.dumps(body, indent=1, sort_keys=True), encoding="utf-8")
    for path in staging.rglob("*"):
        if path.is_file():
            settle_file(path)
        else:
            settle_folder(path)
    settle_folder(staging)
    staging.chmod(0o755)


def _count(versions: Path) -> int:
    return sum(not path.name.startswith(".") for path in versions.iterdir())


def _next_version(versions: Path) -> str:
    number = _count(versions) + 1
    while (versions / f"v{number:04d}").exists():
        number += 1
    return f"v{number:04d}"


def _order(place: Path) -> int:
    """The order of publication; a manifest that cannot be read is reported when its version is."""
    try:
        return int(json.loads((place / _MANIFEST).read_text(encoding="utf-8"))["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _read_history(pointer: Path) -> list[Release]:
    try:
        body: dict[str, Any] = json.loads(pointer.read_text(encoding="utf-8"))
        return [from_document(document) for document in body["history"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryDamagedError("the champion's pointer cannot be read", task=pointer.parent.name) from error


def _write_history(pointer: Path, history: list[Release]) -> None:
    last = to_document(history[-1])
    body = {"champion": last["version"], "previous": last["previous"], "history": [to_document(one) for one in history]}
    replace_text(pointer, json.dumps(body, indent=1, ensure_ascii=False))
