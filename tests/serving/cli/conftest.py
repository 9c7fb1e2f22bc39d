"""The command line run in this process, over a home folder of the test's own with a migrated database and one tenant."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from billing.db.scope import Scope
from billing.db.session import Database
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from serving.cli.main import app
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said on each stream."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that tells a person what was wrong."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("error")]
        return line


@dataclass(frozen=True, slots=True)
class Cli:
    """Commands over one home folder; `tenant` is the only tenant in it."""

    home: Path
    database: Database
    tenant: str

    @property
    def scope(self) -> Scope:
        """The scope of the tenant's rows."""
        return Scope(self.tenant)

    def __call__(self, *arguments: object) -> Ended:
        """Run a command. What it does not expect of the world is raised here, as a test should see it."""
        found = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        return Ended(found.exit_code, found.stdout, found.stderr)

    def ask(self, *arguments: object) -> Any:
        """The JSON document of a command that must succeed; nothing else may be on its output."""
        ended = self(*arguments, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)


@pytest.fixture(scope="session")
def opened(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database file with one test-mode tenant, made once; and the tenant's id."""
    path = tmp_path_factory.mktemp("opened") / "uptier.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    tenant = open_tenant(database, name="Bean Street", currency="EUR", zone="UTC", mode=Mode.TEST, now=START).tenant
    database.close()
    return path, tenant.id


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder that the commands of this test use, and no other setting of ours."""
    for name in [name for name in os.environ if name.startswith("UPTIER_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("UPTIER_HOME", str(home))
    monkeypatch.setenv("UPTIER_MLFLOW_URI", "off")
    monkeypatch.setenv("UPTIER_HOLDOUT_PER_TEN_THOUSAND", "0")  # who is held out hangs on a drawn id
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def cli(bare_home: Path, opened: tuple[Path, str]) -> Iterator[Cli]:
    """The command line over a tenant that has nothing yet."""
    template, tenant = opened
    shutil.copy(template, bare_home / "uptier.db")
    database = Database(f"sqlite:///{bare_home / 'uptier.db'}")
    yield Cli(bare_home, database, tenant)
    database.close()
