"""The application over a prepared shop, asked by a client of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from serving.application import create_app
from serving.wiring import Services, build
from tests.serving.web.prepared import Ready, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """One prepared shop a module: pages only read."""
    return prepare(tmp_path_factory.mktemp("home"), with_models=True)


@pytest.fixture(scope="module")
def services(ready: Ready) -> Iterator[Services]:
    """What the application is built on."""
    built = build(ready.settings)
    yield built
    built.database.close()


@pytest.fixture(scope="module")
def client(services: Services) -> TestClient:
    """Asks as this machine's own browser would."""
    return TestClient(create_app(services))
