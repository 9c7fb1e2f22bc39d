"""A server under a reaper: started in a folder of its own, asked until it answers, ended with us. A server that cannot start is an error.

The only waiting is on the reaper's output, so a server that dies at once is reported at once, with the end of its log.
"""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers.account import Account

_REAPER = Path(__file__).with_name("reaper.py")
_READY_SECONDS = 60
_ASK_AGAIN_SECONDS = 0.02
_LOG_CHARACTERS = 4000


class ServerError(RuntimeError):
    """A server of the tests could not be started; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A running server process and the reaper that owns it."""

    pid: int
    folder: Path
    reaper: subprocess.Popen[str]

    def stop(self) -> None:
        """End the server and delete its folder."""
        for pipe in (self.reaper.stdin, self.reaper.stdout):
            if pipe is not None:
                pipe.close()
        self.reaper.wait()


def start(
    command: Sequence[str],
    folder: Path,
    answers: Callable[[], bool],
    *,
    account: Account | None = None,
    stop_signal: str = "SIGTERM",
) -> Guarded:
    """Start the command under a reaper and return when `answers()` is true.

    The folder is the server's and is deleted with it. Raises ServerError if the server ends or is silent for a minute.
    """
    identity = [] if account is None else ["--uid", str(account.uid), "--gid", str(account.gid)]
    options = ["--folder", str(folder), "--stop-signal", stop_signal, *identity]
    reaper = subprocess.Popen(
        [sys.executable, "-I", str(_REAPER), *options, "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert reaper.stdout is not None
    word, _, pid = reaper.stdout.readline().strip().partition(" ")
    if word != "started":
        raise ServerError(f"the reaper could not start {command[0]}")
    server = Guarded(int(pid), folder, reaper)
    try:
        _wait_until(answers, server)
    except BaseException:
        server.stop()
        raise
    return server


def _wait_until(answers: Callable[[], bool], server: Guarded) -> None:
    assert server.reaper.stdout is not None
    give_up_at = time.monotonic() + _READY_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(server.reaper.stdout, selectors.EVENT_READ)
        while not answers():
            if selector.select(_ASK_AGAIN_SECONDS):
                raise ServerError(f"the server ended before it answered:\n{_log(server)}")
            if time.monotonic() > give_up_at:
                raise ServerError(f"the server did not answer within {_READY_SECONDS} seconds:\n{_log(server)}")


def _log(server: Guarded) -> str:
    with contextlib.suppress(OSError):
        return (server.folder / "server.log").read_text(errors="replace")[-_LOG_CHARACTERS:]
    return "(no log)"
