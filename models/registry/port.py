"""What every model registry keeps: versions never change once published, a task has at most one champion, and every move is on record.

A promotion or a rollback only moves the champion; it needs a reason and the moment it happened. Held by one contract suite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Protocol

from billing.kernel.errors import ConflictError, InvalidError, Kind, NotFoundError, UptierError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from models.card import ModelCard

_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


class UnsafeNameError(InvalidError):
    """A tenant, task or version whose name could not be a folder's name on every system."""

    code = "unsafe_model_name"


class VersionNotFoundError(NotFoundError):
    """No such version of this task was published."""

    code = "model_version_not_found"


class VersionExistsError(ConflictError):
    """A version of that name was published before; versions never change."""

    code = "model_version_exists"


class NothingToPublishError(InvalidError):
    """The folder is not a fitted model."""

    code = "nothing_to_publish"


class NothingToRollBackError(ConflictError):
    """There is no earlier champion to go back to."""

    code = "nothing_to_roll_back"


class RegistryDamagedError(UptierError):
    """What is stored is not what was published."""

    code: ClassVar[str] = "model_registry_damaged"
    kind: ClassVar[Kind] = Kind.UNAVAILABLE


class Move(Enum):
    """How a version came to be champion."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A published version; `folder` holds exactly the files that were published, `sha256` covers their names and bytes."""

    tenant: str
    task: str
    version: str
    folder: Path
    card: ModelCard
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One move of the champion; `previous` is the champion before it, None for the first."""

    version: str
    previous: str | None
    move: Move
    reason: str
    at: datetime


class Registry(Protocol):
    """Versions and champions of models, by tenant and task."""

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """Stores a copy of the folder's files with its card; the version is the card's own, or the next one if it names none."""

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The version that serves, or None while none was promoted."""

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """All published versions, oldest first."""

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Makes a published version the champion; promoting the champion again changes nothing and returns its release."""

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Makes the champion before the present one the champion again."""

    def history(self, tenant: str, task: str) -> list[Release]:
        """Every move of the champion, oldest first."""


def require_safe(*names: str) -> None:
    """Refuses names that could leave their folder or collide on a file system that ignores case.

    >>> require_safe("ten_01jb", "churn")
    >>> require_safe("../other")
    Traceback (most recent call last):
        ...
    models.registry.port.UnsafeNameError: names of models are small letters, digits, - and _
    """
    for name in names:
        if not _SAFE.fullmatch(name):
            raise UnsafeNameError("names of models are small letters, digits, - and _", name=name)
