"""The registry that jobs publish to: the folder that serving reads, mirrored to MLflow where it is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from billing.kernel.errors import UptierError
from models.registry.folder import FolderRegistry
from models.registry.mirrored import MirroredRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import Registry


_LOG = structlog.get_logger("uptier.registry")
MIRROR_PAUSE_SECONDS = 300.0


def open_registry(home: Path, mlflow_uri: str | None) -> Registry:
    """The registry under an installation's home folder. A mirror that cannot even be opened is left out, and said so in the log."""
    folder = FolderRegistry(home / "models")
    if mlflow_uri is None:
        return folder
    from models.registry.mlflow_registry import MlflowRegistry  # noqa: PLC0415 (seconds to import; only where it is used)

    try:
        mirror = MlflowRegistry(mlflow_uri, cache=home / "mlflow-cache", artifacts=home / "mlflow-artifacts")
    except UptierError:
        raise
    except Exception as error:  # noqa: BLE001 (outer edge: whatever a store raises that is away, training goes on)
        _LOG.warning("the mirror registry cannot be opened", error=type(error).__name__)
        return folder
    return MirroredRegistry(folder, mirror, pause_seconds=MIRROR_PAUSE_SECONDS)
