"""Finding a browser to drive, and saying what to install where there is none."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "no browser was found: install one (on Debian and Ubuntu 'apt-get install chromium', or 'playwright install chromium'), "
    "or name one in UPTIER_BROWSER"
)


class NoBrowserError(RuntimeError):
    """There is no browser to drive."""


def executable() -> str | None:
    """The browser that the environment names, else the first that is installed, else None for Playwright's own."""
    named = os.environ.get("UPTIER_BROWSER")
    if named:
        return named
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser, gone when the block ends."""
    with sync_playwright() as playwright:
        found = _launch(playwright)
        try:
            yield found
        finally:
            found.close()


def _launch(playwright: Playwright) -> Browser:
    try:
        return playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
    except Error as error:
        raise NoBrowserError(MISSING) from error


def artifacts() -> Path:
    """Where screenshots are kept: outside of what git holds."""
    folder = Path(__file__).parents[3] / "artifacts" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
