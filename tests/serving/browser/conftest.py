"""A real server process over a prepared shop, and a real browser to open it with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.serving.browser.chromium import artifacts, browser
from tests.serving.browser.elsewhere import shop_page
from tests.serving.web.prepared import Ready, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_ROOT = Path(__file__).parents[3]
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A shop on a real port."""

    address: str
    ready: Ready

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The API's answer to the business's own service."""
        headers = {"Authorization": f"Bearer {self.ready.opened.secret_key}"}
        answer = httpx.request(method, self.address + path, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One shop and server a session; a test that changes something does it to a customer of its own."""
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """A server process, ended when the block ends."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    ready = prepare(folder / "home", origins=[address], with_models=True)
    command = [sys.executable, "-m", "uvicorn", "--factory", "tests.serving.browser.app:create"]
    command += ["--port", str(port), "--log-level", "warning"]
    environment = {
        **os.environ,
        "UPTIER_HOME": str(ready.settings.home),
        "UPTIER_HOLDOUT_PER_TEN_THOUSAND": "0",
        "UPTIER_DATABASE_URL": "",
        "UPTIER_REDIS_URL": "",
    }
    with subprocess.Popen(command, cwd=_ROOT, env=environment) as process:
        try:
            _wait_until_ready(address, process)
            yield Served(address, ready)
        finally:
            process.terminate()
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health/live", timeout=2).status_code == HTTPStatus.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the server did not become ready")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the session."""
    with browser() as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh window of a laptop's size; anything the page's console calls an error fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    context.close()
    assert complaints == []


def keep(page: Page, name: str) -> None:
    """A screenshot of the whole page, for people to look at."""
    page.screenshot(path=artifacts() / f"{name}.png", full_page=True)


@pytest.fixture
def noisy_page(chromium: Browser) -> Iterator[Page]:
    """A window whose console may complain, for tests of what fails."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture
def shop_elsewhere(served: Served) -> Iterator[str]:
    """A page of the business's own, on another port, with the two elements on it and a key bound to that port."""
    with shop_page(served.address, served.ready, "gwen") as address:
        yield address
