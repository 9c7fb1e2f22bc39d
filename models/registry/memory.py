"""The registry's twin for tests and trials: the same rules, gone with the process."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.registry.content import manifest_hash, manifest_of
from models.registry.port import ModelVersion, Release, VersionExistsError, VersionNotFoundError, require_safe
from models.registry.releases import champion_of, going_back, promotion

if TYPE_CHECKING:
    from datetime import datetime

    from models.card import ModelCard

    Key = tuple[str, str]


class MemoryRegistry:
    """Versions and moves in dictionaries; the files in a folder that vanishes with the registry."""

    def __init__(self) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="uptier-models-")
        self._versions: dict[Key, dict[str, ModelVersion]] = {}
        self._history: dict[Key, list[Release]] = {}

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """Copies the folder and returns the version."""
        require_safe(tenant, task)
        published = self._versions.setdefault((tenant, task), {})
        sha256 = manifest_hash(manifest_of(folder))
        version = card.version or f"v{len(published) + 1:04d}"
        require_safe(version)
        if version in published:
            raise VersionExistsError("a version of that name was published before", version=version)
        copy = Path(self._files.name) / tenant / task / version
        shutil.copytree(folder, copy)
        published[version] = ModelVersion(
            tenant=tenant, task=task, version=version, folder=copy, card=replace(card, version=version), sha256=sha256
        )
        return version

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The version that serves, or None while none was promoted."""
        version = champion_of(self.history(tenant, task))
        return None if version is None else self._versions[tenant, task][version]

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """All published versions, oldest first."""
        require_safe(tenant, task)
        return list(self._versions.get((tenant, task), {}).values())

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Makes a published version the champion."""
        require_safe(tenant, task, version)
        if version not in self._versions.get((tenant, task), {}):
            raise VersionNotFoundError("no such version of this model was published", task=task, version=version)
        history = self._history.setdefault((tenant, task), [])
        release = promotion(history, version, reason, at)
        if release is None:
            return history[-1]
        history.append(release)
        return release

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Makes the champion before the present one the champion again."""
        release = going_back(self.history(tenant, task), reason, at)
        self._history[tenant, task].append(release)
        return release

    def history(self, tenant: str, task: str) -> list[Release]:
        """Every move of the champion, oldest first."""
        require_safe(tenant, task)
        return list(self._history.get((tenant, task), []))
