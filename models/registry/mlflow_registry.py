"""The registry on MLflow, for people who compare runs and for teams that already have a server.

One experiment and one registered model a tenant and task; a version is a run (parameters, metrics, card, files). The champion is the alias
`champion`, the one before it `previous`, the newest that is not champion `challenger`. Only plain files are logged, never pickles. Serving
reads the folder registry, not this one.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.telemetry import set_telemetry_client

from billing.kernel.errors import InvalidError
from models.card import ModelCard
from models.registry.content import manifest_hash, manifest_of
from models.registry.port import (
    ModelVersion,
    RegistryDamagedError,
    Release,
    VersionExistsError,
    VersionNotFoundError,
    require_safe,
)
from models.registry.releases import from_document, going_back, promotion, to_document

if TYPE_CHECKING:
    from datetime import datetime

ALIAS, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_MODEL, _CARD = "model", "card.json"
_VERSION, _HASH, _RELEASE = "uptier.version", "uptier.sha256", "uptier.release."
_DATABASES = frozenset({"sqlite", "postgresql", "postgresql+psycopg", "mysql", "http", "https"})


class TrackingUriError(InvalidError):
    """MLflow needs a database or a server; its plain file store is no longer kept up."""

    code = "mlflow_uri"


class MlflowRegistry:
    """Models in an MLflow tracking database or server; `cache` holds local copies of versions that were asked for."""

    def __init__(self, uri: str, *, cache: Path, artifacts: Path | None = None) -> None:
        if urlsplit(uri).scheme not in _DATABASES:
            raise TrackingUriError(
                "MLflow needs a database or a server, such as sqlite:///mlflow.db", scheme=urlsplit(uri).scheme
            )
        _hush()
        self._uri = uri
        self._cache = cache
        self._artifacts = artifacts
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    @classmethod
    def embedded(cls, home: Path) -> MlflowRegistry:
        """Everything under one folder: an SQLite file, the runs' files and the cache."""
        home.mkdir(parents=True, exist_ok=True)
        path = (home / "mlflow.db").resolve().as_posix()
        return cls(f"sqlite:///{path}", cache=home / "cache", artifacts=home / "artifacts")

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """A finished run with the folder's files, and a registered version that points at it."""
        name = _name(tenant, task)
        sha256 = manifest_hash(manifest_of(folder))
        published = self._stored(name)
        version = card.version or f"v{len(published) + 1:04d}"
        require_safe(version)
        if version in published:
            raise VersionExistsError("a version of that name was published before", version=version)
        run_id = self._log_run(name, folder, replace(card, version=version))
        if not published:
            self._ensure_registered(name)
        tags = {_VERSION: version, _HASH: sha256}
        stored = self._client.create_model_version(name, source=f"runs:/{run_id}/{_MODEL}", run_id=run_id, tags=tags)
        self._client.set_registered_model_alias(name, CHALLENGER, str(stored.version))
        return version

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The version that the alias names, or None."""
        name = _name(tenant, task)
        try:
            found = self._client.get_model_version_by_alias(name, ALIAS)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise
        return self._version(tenant, task, found)

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """All published versions, oldest first."""
        stored = self._stored(_name(tenant, task))
        return [self._version(tenant, task, one) for one in stored.values()]

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Moves the alias and records the move as a tag of the registered model."""
        require_safe(version)
        history = self.history(tenant, task)
        release = promotion(history, version, reason, at)
        if release is None:
            return history[-1]
        self._move(_name(tenant, task), release, len(history) + 1)
        return release

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Moves the alias back one champion."""
        history = self.history(tenant, task)
        release = going_back(history, reason, at)
        self._move(_name(tenant, task), release, len(history) + 1)
        return release

    def history(self, tenant: str, task: str) -> list[Release]:
        """Every move of the champion, oldest first."""
        try:
            tags = self._client.get_registered_model(_name(tenant, task)).tags
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
        moves = sorted((key, text) for key, text in tags.items() if key.startswith(_RELEASE))
        return [from_document(json.loads(text)) for _, text in moves]

    def _move(self, name: str, release: Release, number: int) -> None:
        known = self._stored(name)
        stored, before = known.get(release.version), known.get(release.previous or "")
        if stored is None:
            raise VersionNotFoundError("no such version of this model was published", version=release.version)
        self._client.set_registered_model_alias(name, ALIAS, str(stored.version))
        if before is not None:
            self._client.set_registered_model_alias(name, PREVIOUS, str(before.version))
        aliases = self._client.get_registered_model(name).aliases
        if str(aliases.get(CHALLENGER)) == str(stored.version):
            self._client.delete_registered_model_alias(name, CHALLENGER)
        self._client.set_registered_model_tag(name, f"{_RELEASE}{number:06d}", json.dumps(to_document(release)))

    def _stored(self, name: str) -> dict[str, Any]:
        """MLflow's versions of a model by our name for them, oldest first."""
        found = self._client.search_model_versions(f"name='{name}'")
        return {
            one.tags[_VERSION]: one for one in sorted(found, key=lambda one: int(one.version)) if _VERSION in one.tags
        }

    def _version(self, tenant: str, task: str, stored: Any) -> ModelVersion:
        """The version with a verified local copy of its files."""
        place = self._cache / stored.run_id
        if not (place / _MODEL).is_dir() or not (place / _CARD).is_file():
            place.mkdir(parents=True, exist_ok=True)
            for part in (_CARD, _MODEL):
                download_artifacts(
                    run_id=stored.run_id, artifact_path=part, dst_path=str(place), tracking_uri=self._uri
                )
        version, sha256 = stored.tags[_VERSION], stored.tags[_HASH]
        if manifest_hash(manifest_of(place / _MODEL)) != sha256:
            raise RegistryDamagedError("the version's files are not those that were published", version=version)
        card = ModelCard.from_json((place / _CARD).read_text(encoding="utf-8"))
        return ModelVersion(tenant=tenant, task=task, version=version, folder=place / _MODEL, card=card, sha256=sha256)

    def _log_run(self, name: str, folder: Path, card: ModelCard) -> str:
        """The id of a finished run that holds the card and the files; a run that fails is marked so."""
        experiment = self._client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else self._create_experiment(name)
        run_id: str = self._client.create_run(experiment_id, run_name=card.version).info.run_id
        try:
            self._client.log_batch(run_id, metrics=_metrics(card), params=_params(card))
            self._client.log_artifacts(run_id, str(folder), _MODEL)
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / _CARD
                path.write_text(card.to_json(), encoding="utf-8")
                self._client.log_artifact(run_id, str(path))
        except BaseException:
            self._client.set_terminated(run_id, status="FAILED")
            raise
        self._client.set_terminated(run_id)
        return run_id

    def _create_experiment(self, name: str) -> str:
        place = (self._artifacts / name).resolve().as_uri() if self._artifacts else None
        return str(self._client.create_experiment(name, artifact_location=place))

    def _ensure_registered(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _name(tenant: str, task: str) -> str:
    """Safe names hold no dot, so one dot tells both parts apart."""
    require_safe(tenant, task)
    return f"{tenant}.{task}"


def _metrics(card: ModelCard) -> list[Metric]:
    at_ms = int(card.as_of.timestamp() * 1000)
    found = {f"{key}{suffix}": bound for key, value in card.metrics.items() for suffix, bound in _bounds(value)}
    found |= {f"baseline {key}": value.mean for key, value in card.baselines.items()}
    return [Metric(_metric_name(key), value, at_ms, 0) for key, value in found.items()]


def _bounds(value: Any) -> tuple[tuple[str, float], ...]:
    return (("", value.mean), (".low", value.low), (".high", value.high))


def _metric_name(text: str) -> str:
    """MLflow takes letters, digits and a few signs."""
    return "".join(character if character.isalnum() or character in "_-. /" else "_" for character in text)


def _params(card: ModelCard) -> list[Param]:
    found = {
        "as_of": card.as_of.isoformat(),
        "window": f"{card.window_start.isoformat()}/{card.window_end.isoformat()}",
        "data_hash": card.data_hash,
        "rows": card.rows,
        "features": len(card.features),
        "rung": card.rung or "none",
        "seed": card.seed,
    }
    return [Param(key, str(value)) for key, value in found.items()]


def _hush() -> None:
    """No telemetry, no progress bars, only warnings in the log, and no minutes of waiting for a server that is away."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    set_telemetry_client()  # type: ignore[no-untyped-call]  # reads the variable anew
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
