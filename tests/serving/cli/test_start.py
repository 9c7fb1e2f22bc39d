"""How the command line starts: at once, with nothing heavy, and with help that shows an example which really parses."""

from __future__ import annotations

import json
import resource
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from serving.cli.main import app
from tests.e2e.installation import PROGRAM, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = {"mlflow", "pandas", "duckdb", "sklearn", "lightgbm", "pyarrow"}
LIGHT_ENOUGH = 80
"""How many bare interpreters a start of the command line may cost, in processor time; thirty is usual."""


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example_that_parses(path: tuple[str, ...]) -> None:
    """The help holds a line to copy, and its words are options and arguments that the command has."""
    command = COMMANDS[path]
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Example:" in shown.stdout

    (example,) = [line for line in command.help.splitlines() if line.strip().startswith("Example:")]
    words = shlex.split(example.partition("Example:")[2])
    words = words[words.index("uptier") + 1 :]
    assert tuple(words[: len(path)]) == path
    command.make_context(path[-1], words[len(path) :])


def test_the_help_names_every_group() -> None:
    """`uptier --help` lists what there is."""
    shown = CliRunner().invoke(app, ["--help"]).stdout

    assert all(group in shown for group in {path[0] for path in COMMANDS})


def _loaded(module: str, installation: Installation) -> set[str]:
    code = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installation.home,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(found.stdout))


@pytest.mark.parametrize("module", ["serving.cli.main", "serving.application"])
def test_what_starts_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    """The learning and data libraries wait for the command that needs them, and never load in the server."""
    assert _loaded(module, Installation(tmp_path)) & HEAVY == set()


def test_the_help_is_there_at_once(tmp_path: Path) -> None:
    """Against a bare interpreter in the same run, in processor time and the best of three, so that a busy machine does not count."""
    installation = Installation(tmp_path)

    def seconds(*command: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=tmp_path, env=installation.environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare = min(seconds(sys.executable, "-c", "pass") for _ in range(3))
    start = min(seconds(*PROGRAM, "--help") for _ in range(3))

    assert start < LIGHT_ENOUGH * bare
