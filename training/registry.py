"""The registry that jobs publish to: the folder that serving reads, mirrored to MLflow where it is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.registry.folder import FolderRegistry
from models.registry.mirrored import MirroredRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import Registry


def open_registry(home: Path, mlflow_uri: str | None) -> Registry:
    """The registry under an installation's home folder."""
    folder = FolderRegistry(home / "models")
    if mlflow_uri is None:
        return folder
    from models.registry.mlflow_registry import MlflowRegistry  # noqa: PLC0415 (seconds to import; only where it is used)

    mirror = MlflowRegistry(mlflow_uri, cache=home / "mlflow-cache", artifacts=home / "mlflow-artifacts")
    return MirroredRegistry(folder, mirror)
