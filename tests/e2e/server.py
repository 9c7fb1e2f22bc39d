"""The real server process over an installation: started, asked until it is ready, ended politly or killed, and started again."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from tests.e2e.installation import PROGRAM, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

_READY_SECONDS = 60.0
_END_SECONDS = 20.0
_ASK_AGAIN_SECONDS = 0.05
_LOG_CHARACTERS = 4000


class ServerDidNotStartError(RuntimeError):
    """The server ended, or was silent, before it was ready; the message ends with its log."""


class Server:
    """`uptier serve` on a port of its own, which it keeps over restarts so that its clients need not be told."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def is_started(self) -> bool:
        """Whether a process was started that nobody has ended."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and return when it is ready to serve."""
        assert self._process is None
        with (self.installation.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*PROGRAM, "serve", "--port", str(self._port)],
                cwd=self.installation.home,
                env=self.installation.environment,
                stdout=log,
                stderr=log,
            )
        give_up_at = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise ServerDidNotStartError(f"the server is not ready; its log ends with:\n{self.log()}")
            time.sleep(_ASK_AGAIN_SECONDS)

    def stop(self) -> int:
        """End it as a supervisor does, by SIGTERM; the answer is its exit code."""
        return self._ended(kill=False)

    def kill(self) -> None:
        """End it as a power failure does for a process: SIGKILL, with no word of warning."""
        self._ended(kill=True)

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.installation.home / "server.log").read_text(errors="replace")[-_LOG_CHARACTERS:]

    def _ended(self, *, kill: bool) -> int:
        process, self._process = self._process, None
        assert process is not None
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            return process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/health/ready", timeout=10, trust_env=False).status_code == HTTPStatus.OK
        return False


@contextmanager
def serving(installation: Installation) -> Iterator[Server]:
    """A ready server over an installation whose database is up to date; whatever happens, its process is gone afterwards."""
    server = Server(installation)
    try:
        server.start()
        yield server
    finally:
        if server.is_started:
            server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
