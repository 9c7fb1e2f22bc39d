"""Training goes on when MLflow is away: refused at once, or taking the call and never answering."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.models.registry.contract import NOON, TASK, card, model_folder
from training.registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TENANT = "ten_1"


@pytest.fixture(params=["refuses", "hangs"])
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that is away: nobody listens, or somebody listens and says nothing."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if request.param == "hangs":
            listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_versions_are_published_and_promoted_though_mlflow_is_away(address: str, tmp_path: Path) -> None:
    """The folder has both versions and the moves; the server is waited for once, not at every step."""
    registry = open_registry(tmp_path, address)
    started = time.perf_counter()

    for number in (1, 2, 3):
        version = registry.publish(TENANT, TASK, model_folder(tmp_path / str(number)), card(TENANT))
        registry.promote(TENANT, TASK, version, "better", NOON)
    registry.rollback(TENANT, TASK, "worse", NOON)

    champion = registry.champion(TENANT, TASK)
    assert champion is not None
    assert champion.version == "v0002"
    assert [move.version for move in registry.history(TENANT, TASK)] == ["v0001", "v0002", "v0003", "v0002"]
    assert time.perf_counter() - started < 30
