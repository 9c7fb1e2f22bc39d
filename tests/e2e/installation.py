"""One installation of the product for a test: a home folder, a database, and the command line that works on both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-c", "from serving.cli.main import main; main()")
_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an installation lives; an empty URL means the embedded store in the home folder."""

    home: Path
    database_url: str = ""
    mlflow_uri: str = ""
    redis_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of this installation: nothing of ours but what is said here."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("UPTIER_")}
        return {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "UPTIER_HOME": str(self.home),
            "UPTIER_DATABASE_URL": self.database_url,
            "UPTIER_MLFLOW_URI": self.mlflow_uri,
            "UPTIER_REDIS_URL": self.redis_url,
        }

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """What a command answered, however it ended; it runs in a folder where no `.env` file lies."""
        self.home.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )

    def ask(self, *arguments: str | Path) -> Any:
        """The JSON document of a command that must succeed."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, f"uptier {arguments} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        return json.loads(done.stdout)
