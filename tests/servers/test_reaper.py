"""A killed test run leaves nothing behind: neither a server, nor its folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.servers

_REPOSITORY = Path(__file__).resolve().parents[2]
_GONE_WITHIN_SECONDS = 20
_PROGRAM = """
import sys
from tests.servers import postgres, redis_server
servers = postgres.start()._server, redis_server.start().process
print(*(word for server in servers for word in (server.pid, server.folder)), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_the_servers_end_with_the_process_that_asked_for_them(death: signal.Signals) -> None:
    """However it dies: each server and its reaper end, and its folder is deleted."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    words = owner.stdout.readline().split()
    servers = [psutil.Process(int(pid)) for pid in words[::2]]
    reapers = [parent for server in servers if (parent := server.parent()) is not None]

    owner.send_signal(death)
    owner.communicate()

    gone, alive = psutil.wait_procs([*servers, *reapers], timeout=_GONE_WITHIN_SECONDS)
    assert (len(gone), alive) == (4, [])
    assert not any(Path(folder).exists() for folder in words[1::2])
