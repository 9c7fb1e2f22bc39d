"""Starts one server and ends it when whoever asked for it is gone: a test run that is killed leaves nothing running and no folder behind.

Runs as a program of its own (`python -I reaper.py ...`), in its own session so that Ctrl-C and a killed process group pass it by.
Its standard input is a pipe that only the asking process holds open: the pipe's end is the one signal that no kind of death suppresses.
Standard library only. On standard output: `started PID`, and `ended CODE` if the server ends by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_STOP_SECONDS = 5
_POLL_SECONDS = 0.1


def main() -> int:
    """Start the command, wait for the end of standard input, stop the server and delete its folder."""
    wanted = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = Path(wanted.folder)
    try:
        with (folder / "server.log").open("ab") as log:
            server = _start(wanted, log.fileno())
        try:
            _say(f"started {server.pid}")
            _wait_for_the_end_of_input(server)
        finally:
            _stop(server, signal.Signals[wanted.stop_signal])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--stop-signal", default="SIGTERM")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _start(wanted: argparse.Namespace, log: int) -> subprocess.Popen[bytes]:
    groups: list[int] | None = None if wanted.uid is None else []
    return subprocess.Popen(
        wanted.command,
        cwd=wanted.folder,
        env={"PATH": os.defpath, "HOME": wanted.folder, "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        user=wanted.uid,
        group=wanted.gid,
        extra_groups=groups,
        start_new_session=True,
    )


def _wait_for_the_end_of_input(server: subprocess.Popen[bytes]) -> None:
    told = False
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.buffer, selectors.EVENT_READ)
        while True:
            if selector.select(_POLL_SECONDS) and not os.read(sys.stdin.fileno(), 1024):
                return
            if server.poll() is not None and not told:
                told = True
                _say(f"ended {server.returncode}")


def _stop(server: subprocess.Popen[bytes], kind: signal.Signals) -> None:
    for each in (signal.SIGCONT, kind):
        _signal_group(server.pid, each)
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(server.pid, signal.SIGKILL)
        server.wait()


def _signal_group(leader: int, kind: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, kind)


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
