"""An installation on each engine in turn: the embedded database, and a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.installation import Installation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An empty installation; its database is made by the command line, as anybody's is.

    Training keeps its runs in MLflow on the embedded one; loading it takes most of a command's time, so the other does without.
    """
    if request.param == "sqlite":
        return Installation(tmp_path / "home")
    return Installation(tmp_path / "home", str(request.getfixturevalue("postgres_url")), mlflow_uri="off")
