"""Which browser the browser tests drive: `UPTIER_BROWSER`, else the first Chromium on the path, else Playwright's own download.

`python -m tests.servers.browser` prints it, or says what is missing and ends with 1: `make test-browser` asks this first.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MISSING = (
    "no browser was found: install Debian's `chromium` package, or name a Chromium or Chrome in UPTIER_BROWSER "
    "(looked for " + ", ".join(_NAMES) + " on the path, and Playwright's own)"
)


class NoBrowserError(RuntimeError):
    """There is no browser to drive; the message says what to install."""


def find_browser() -> Path:
    """The program of a Chromium-like browser. Raises NoBrowserError."""
    given = os.environ.get("UPTIER_BROWSER")
    if given:
        found = shutil.which(given)
        if found is None:
            raise NoBrowserError(f"UPTIER_BROWSER names {given}, which is not a program")
        return Path(found)
    for candidate in (*map(shutil.which, _NAMES), *_downloaded()):
        if candidate is not None:
            return Path(candidate)
    raise NoBrowserError(_MISSING)


def _downloaded() -> list[Path]:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return sorted(folder.glob("chromium-*/chrome-linux*/chrome"), reverse=True)


@pytest.fixture(scope="session")
def browser_path() -> Path:
    """The browser of this machine; a test that asks for one fails where there is none."""
    return find_browser()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_browser()}\n")
    except NoBrowserError as error:
        sys.exit(str(error))
