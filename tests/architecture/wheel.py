"""`python -m tests.architecture.wheel`: builds the wheel, looks into it, installs it elsewhere and runs it there. Needs no network.

What runs from a checkout may miss its templates, its revisions or its console script once it is installed; this is where that shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

from tests.architecture.source import REPOSITORY, ROOTS

_NEVER = frozenset({"__pycache__"})
_SECONDS = 300
_PYTHON = ("--python", sys.executable)


class WheelError(RuntimeError):
    """The wheel is not what the tree is, or does not run."""


def main() -> int:
    """Build, look, install, run; the answer is the exit status."""
    with tempfile.TemporaryDirectory(prefix="upt-wheel-") as folder:
        try:
            sys.stdout.write(f"{prove(Path(folder))}\n")
        except WheelError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def prove(scratch: Path) -> str:
    """What was proved of the wheel, in a sentence. Raises WheelError with what failed."""
    wheel = build(REPOSITORY, scratch / "dist")
    missing = sorted(expected(REPOSITORY) - contents(wheel))
    if missing:
        raise WheelError(f"the wheel lacks {', '.join(missing[:20])}")
    run(install(wheel, scratch / "site"), scratch)
    return f"{wheel.name} holds {len(contents(wheel))} files, installs and runs from another folder."


def build(repository: Path, into: Path) -> Path:
    """Build the wheel with the tools of this environment, without an isolated one, and so without an index."""
    _call(
        [
            *_uv(),
            "build",
            "--wheel",
            "--no-build-isolation",
            "--offline",
            *_PYTHON,
            "--out-dir",
            str(into),
            str(repository),
        ]
    )
    (wheel,) = into.glob("uptier-*.whl")
    return wheel


def expected(repository: Path) -> set[str]:
    """Every file of the five roots: code, templates, static files, revisions, locales, type markers."""
    return {
        path.relative_to(repository).as_posix()
        for root in ROOTS
        for path in (repository / root).rglob("*")
        if path.is_file() and not _NEVER & set(path.parts) and path.suffix != ".pyc" and not path.name.startswith(".")
    }


def contents(wheel: Path) -> set[str]:
    """The names of the files in a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def install(wheel: Path, site: Path) -> Path:
    """Install the wheel alone into an empty folder."""
    _call([*_uv(), "pip", "install", "--offline", *_PYTHON, "--no-deps", "--target", str(site), str(wheel)])
    return site


def run(site: Path, elsewhere: Path) -> None:
    """Run the installed console script from a folder that has nothing to do with the repository."""
    where = "import billing, features, models, serving, training; print(billing.__file__)"
    imported = _call([sys.executable, "-P", "-c", where], cwd=elsewhere, site=site)
    if not Path(imported.strip()).is_relative_to(site.resolve()):
        raise WheelError(f"the installed wheel is not what runs: {imported.strip()}")
    said = _call([sys.executable, "-P", str(site / "bin" / "uptier"), "--help"], cwd=elsewhere, site=site)
    if "Usage" not in said:
        raise WheelError(f"uptier --help said nothing of its usage:\n{said}")


def _uv() -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise WheelError("uv is not installed; `make check` installs it")
    return [found]


def _call(command: list[str], *, cwd: Path = REPOSITORY, site: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment |= {"VIRTUAL_ENV": sys.prefix, "TERM": "dumb", "NO_COLOR": "1"}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise WheelError(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
