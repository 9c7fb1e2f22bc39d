"""MLflow keeps the contract, on a SQLite file, offline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from models.registry.mlflow_registry import MlflowRegistry, TrackingUriError
from models.registry.port import RegistryDamagedError
from tests.models.registry.contract import NOON, TASK, RegistryContract, card, model_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one database of this module lies: making its tables takes seconds."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def registry(home: Path) -> MlflowRegistry:
    """One registry for the module; tests have tenants of their own."""
    return MlflowRegistry.embedded(home)


class TestMlflowRegistry(RegistryContract):
    """The suite over MLflow."""


def test_a_run_tells_people_what_the_card_says(registry: MlflowRegistry, home: Path, tmp_path: Path) -> None:
    """Metrics with bounds, parameters and plain files; the champion is an alias; nothing is pickled."""
    version = registry.publish("ten_people", TASK, model_folder(tmp_path), card("ten_people"))
    registry.promote("ten_people", TASK, version, "better", NOON)
    uri = f"sqlite:///{home / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    stored = client.get_model_version_by_alias("ten_people.churn", "champion")
    run = client.get_run(stored.run_id)

    assert run.info.status == "FINISHED"
    assert run.data.metrics["log_loss"] == 0.41
    assert run.data.metrics["log_loss.low"] == 0.4
    assert run.data.metrics["baseline base rate"] == 0.58
    assert run.data.params["rung"] == "logistic regression (rung 2)"
    assert {file.path for file in client.list_artifacts(stored.run_id)} == {"card.json", "model"}
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_damaged_copy_is_not_handed_out(registry: MlflowRegistry, tmp_path: Path) -> None:
    """The cache is checked against the hash that was registered."""
    version = registry.publish("ten_damaged", TASK, model_folder(tmp_path), card("ten_damaged"))
    registry.promote("ten_damaged", TASK, version, "better", NOON)
    champion = registry.champion("ten_damaged", TASK)
    assert champion is not None
    (champion.folder / "document.json").write_text("{}", encoding="utf-8")

    with pytest.raises(RegistryDamagedError):
        registry.champion("ten_damaged", TASK)


@pytest.mark.parametrize("uri", ["mlruns", "file:///var/mlruns", "databricks"])
def test_a_plain_file_store_is_refused(uri: str, tmp_path: Path) -> None:
    """MLflow no longer keeps it up."""
    with pytest.raises(TrackingUriError):
        MlflowRegistry(uri, cache=tmp_path)


def test_aliases_name_the_champion_the_one_before_and_the_challenger(
    registry: MlflowRegistry, home: Path, tmp_path: Path
) -> None:
    """As people who look at MLflow itself see them; a version that was let in is no challenger any more."""
    uri = f"sqlite:///{home / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def aliases() -> dict[str, str]:
        return {
            alias: str(number) for alias, number in client.get_registered_model(f"ten_aliases.{TASK}").aliases.items()
        }

    for number in (1, 2, 3):
        registry.publish("ten_aliases", TASK, model_folder(tmp_path / str(number)), card("ten_aliases"))
    for version in ("v0001", "v0002"):
        registry.promote("ten_aliases", TASK, version, "better", NOON)
    assert aliases() == {"champion": "2", "previous": "1", "challenger": "3"}

    registry.promote("ten_aliases", TASK, "v0003", "better", NOON)
    assert aliases() == {"champion": "3", "previous": "2"}
