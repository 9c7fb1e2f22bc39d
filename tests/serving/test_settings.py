"""Settings: where things are kept by default, and the one secret of an installation, made once and readable by its owner."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from serving.settings import Settings

if TYPE_CHECKING:
    import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_PROCESS = """
import sys
from pathlib import Path
from serving.settings import Settings
settings = Settings(home=Path(sys.argv[1]), _env_file=None)
print("ready", flush=True)
sys.stdin.readline()
print(settings.signing_secret().decode(), flush=True)
"""


def _settings(home: Path, **values: str) -> Settings:
    return Settings(home=home, _env_file=None, **values)  # type: ignore[arg-type] # pydantic reads texts


def test_the_secret_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """64 hexadecimal digits in a file of mode 0600, the same at every start."""
    home = tmp_path / "not" / "there" / "yet"

    first, second = _settings(home).signing_secret(), _settings(home).signing_secret()

    assert first == second == (home / "secret").read_bytes()
    assert len(bytes.fromhex(first.decode())) == 32
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir() if path.name.endswith(".tmp")] == []


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    """Nothing is shared but the code."""
    assert _settings(tmp_path / "a").signing_secret() != _settings(tmp_path / "b").signing_secret()


def test_a_given_secret_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    """A fleet of servers shares the secret of its environment; printing the settings does not show it."""
    settings = _settings(tmp_path / "home", secret="of-the-fleet")

    assert settings.signing_secret() == b"of-the-fleet"
    assert not (tmp_path / "home").exists()
    assert "of-the-fleet" not in repr(settings)


def test_an_empty_secret_file_is_not_a_secret(tmp_path: Path) -> None:
    """What a crash while writing may have left would sign for everybody; a new one takes its place."""
    (tmp_path / "secret").touch()

    secret = _settings(tmp_path).signing_secret()

    assert len(secret) == 64
    assert _settings(tmp_path).signing_secret() == secret


def test_threads_that_ask_at_once_get_one_secret(tmp_path: Path) -> None:
    """Twenty rounds of eight threads behind a barrier, each round on a fresh installation."""
    for number in range(20):
        home = tmp_path / str(number)
        found: list[bytes] = []
        barrier = threading.Barrier(8)

        def ask(home: Path = home, found: list[bytes] = found, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            found.append(_settings(home).signing_secret())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 8
        assert len(set(found)) == 1


def test_processes_that_start_at_once_get_one_secret(tmp_path: Path) -> None:
    """A server and its worker on a fresh machine, told to go on at the same moment."""
    command = [sys.executable, "-c", _PROCESS, str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0].strip() for process in started}

    assert len(answers) == 1
    assert len(answers.pop()) == 64


def test_the_defaults_run_on_one_machine_with_nothing_installed(tmp_path: Path) -> None:
    """SQLite for rows and for runs, in the home folder, whatever folder the process is in."""
    settings = _settings(tmp_path)

    assert settings.resolved_database_url == f"sqlite:///{tmp_path / 'uptier.db'}"
    assert settings.resolved_mlflow_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert settings.redis_url == ""


def test_the_environment_names_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`UPTIER_...` variables win; `off` switches MLflow off."""
    monkeypatch.setenv("UPTIER_HOME", str(tmp_path / "env"))
    monkeypatch.setenv("UPTIER_DATABASE_URL", "postgresql+psycopg://db/uptier")
    monkeypatch.setenv("UPTIER_MLFLOW_URI", "off")

    settings = Settings(_env_file=None)

    assert settings.home == tmp_path / "env"
    assert settings.resolved_database_url == "postgresql+psycopg://db/uptier"
    assert settings.resolved_mlflow_uri is None
