"""Two registries kept alike: what the first says is the truth, and trouble with the second never stops a promotion.

The second one (MLflow) is for people who compare runs; its failures are logged and mended by the next promotion. One that hangs or is
away is left alone for a while after each failure, so that a night of training waits for it once and not at every step.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from models.card import ModelCard
    from models.registry.port import ModelVersion, Registry, Release

_LOG = structlog.get_logger("uptier.registry")


class MirroredRegistry:
    """Reads come from `truth`; writes go to `truth` and then, if they can, to `mirror`."""

    def __init__(
        self,
        truth: Registry,
        mirror: Registry,
        *,
        pause_seconds: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._truth = truth
        self._mirror = mirror
        self._pause_seconds = pause_seconds
        self._monotonic = monotonic
        self._away_until = float("-inf")

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """The version that the truth gave; the mirror gets the same name."""
        version = self._truth.publish(tenant, task, folder, card)
        named = replace(card, version=version)
        self._try("publish", tenant, task, lambda: self._mirror.publish(tenant, task, folder, named))
        return version

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The truth's champion."""
        return self._truth.champion(tenant, task)

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """The truth's versions."""
        return self._truth.versions(tenant, task)

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Promotes in the truth, then in the mirror."""
        release = self._truth.promote(tenant, task, version, reason, at)
        self._try("promote", tenant, task, lambda: self._follow(tenant, task, release))
        return release

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Goes back in the truth; the mirror follows to the same version."""
        release = self._truth.rollback(tenant, task, reason, at)
        self._try("rollback", tenant, task, lambda: self._follow(tenant, task, release))
        return release

    def history(self, tenant: str, task: str) -> list[Release]:
        """The truth's history."""
        return self._truth.history(tenant, task)

    def _follow(self, tenant: str, task: str, release: Release) -> None:
        """Moves the mirror's champion to the release's version, publishing first what the mirror missed."""
        if release.version not in {one.version for one in self._mirror.versions(tenant, task)}:
            missed = next(one for one in self._truth.versions(tenant, task) if one.version == release.version)
            self._mirror.publish(tenant, task, missed.folder, missed.card)
        self._mirror.promote(tenant, task, release.version, f"{release.move.value}: {release.reason}", release.at)

    def _try(self, action: str, tenant: str, task: str, act: Callable[[], object]) -> None:
        if self._monotonic() < self._away_until:
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001 (outer edge: whatever a foreign registry raises must not stop a promotion)
            self._away_until = self._monotonic() + self._pause_seconds
            _LOG.warning("the mirror registry failed", action=action, tenant=tenant, task=task, error=str(error))
