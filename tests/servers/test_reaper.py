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
from tests.servers import {module}
server = {module}.start()
print({pid}, {folder}, flush=True)
sys.stdin.read()
"""
_SERVERS = {
    "postgres": _PROGRAM.format(module="postgres", pid="server.pid", folder="server._server.folder"),
    "redis": _PROGRAM.format(module="redis_server", pid="server.process.pid", folder="server.process.folder"),
}


@pytest.mark.parametrize("kind", sorted(_SERVERS))
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_the_process_that_asked_for_it(kind: str, death: signal.Signals) -> None:
    """However it dies: the server's process ends and the folder is deleted."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _SERVERS[kind]],
        cwd=_REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    server, reaper = psutil.Process(int(pid)), psutil.Process(int(pid)).parent()
    assert reaper is not None

    owner.send_signal(death)
    owner.communicate()

    gone, alive = psutil.wait_procs([server, reaper], timeout=_GONE_WITHIN_SECONDS)
    assert (len(gone), alive) == (2, [])
    assert not Path(folder).exists()
