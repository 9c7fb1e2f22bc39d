"""Access decisions over HTTP: single and of fifty features, beside the least that an answer can cost on the same server program."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.bench.gating import CUSTOMER, FLAGS, USED
from training.bench.http_load import Load, answer_to, closed, open_model, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from serving.bench.gating import Bench

_PATIENCE_SECONDS = 60
_OF_THE_RATE = 0.5
_SERVE = ("-c", "from serving.cli.main import main; main()", "serve", "--no-worker", "--port")
_STUB = ("-m", "uvicorn", "serving.bench.stub:app", "--log-level", "warning", "--no-access-log", "--port")


@dataclass(frozen=True, slots=True)
class OverHttp:
    """One way to ask: a closed loop, and the open model at half the rate that the closed loop reached."""

    who: str
    what: str
    closed: Load
    open: Load


def over_http(bench: Bench, seconds: float, connections: int, tell: Callable[[str], None]) -> list[OverHttp]:
    """Each way in turn, for so long each, over so many kept connections; what is answered is looked at first."""
    url = bench.services.settings.resolved_database_url
    settings = {"UPTIER_DATABASE_URL": url, "UPTIER_HOME": str(bench.services.settings.home / "server")}
    settings |= {"UPTIER_MLFLOW_URI": "off", "UPTIER_REDIS_URL": bench.services.settings.redis_url}
    found = []
    with running(_STUB, {}) as (stub, stub_pid), running(_SERVE, settings) as (server, server_pid):
        headers = {"Authorization": f"Bearer {bench.key}"}
        context = {"context": {"targetingKey": CUSTOMER}}
        single = [_post(server, f"/ofrep/v1/evaluate/flags/{flag}", context, headers) for flag in FLAGS]
        bulk = [_post(server, "/ofrep/v1/evaluate/flags", context, headers)]
        asked = {"customer": CUSTOMER, "feature": FLAGS[3]}
        fresh = [_post(server, "/v1/access/check", asked, headers)]
        aged = [_post(server, "/v1/access/check", {**asked, "max_age_ms": 5_000}, headers)]
        _look(server, single, bulk[0], fresh[0], aged[0])
        ways: Sequence[tuple[str, str, str, int, list[bytes]]] = (
            (
                "bare ASGI stub",
                "one flag",
                stub,
                stub_pid,
                [_post(stub, "/ofrep/v1/evaluate/flags/f", context, headers)],
            ),
            ("uptier", "one flag (OFREP)", server, server_pid, single),
            ("bare ASGI stub", "50 flags", stub, stub_pid, [_post(stub, "/ofrep/v1/evaluate/flags", context, headers)]),
            ("uptier", "50 flags (OFREP)", server, server_pid, bulk),
            ("uptier", "access check, from memory", server, server_pid, aged),
            ("uptier", "access check, read anew", server, server_pid, fresh),
        )
        for who, what, address, pid, requests in ways:
            tell(f"{who}: {what}")
            closed(address, requests, connections=connections, seconds=min(1.0, seconds), pid=pid)
            loop = closed(address, requests, connections=connections, seconds=seconds, pid=pid)
            rate = loop.rate * _OF_THE_RATE
            wide = 4 * connections
            free = open_model(
                address, requests, rate=rate, seconds=seconds, connections=wide, pid=pid, rng=random.Random(1)
            )
            found.append(OverHttp(who, what, loop, free))
    return found


def _look(server: str, single: list[bytes], bulk: bytes, fresh: bytes, aged: bytes) -> None:
    """Refuse to time answers that are wrong: each flag alone is what it is in the bulk, and memory answers as a fresh read."""
    together = {each["key"]: each["value"] for each in json.loads(answer_to(server, bulk))["flags"]}
    alone = {}
    for request in single:
        told = json.loads(answer_to(server, request))
        alone[told["key"]] = told["value"]
    read, remembered = (json.loads(answer_to(server, request)) for request in (fresh, aged))
    same = all(read[name] == remembered[name] for name in ("allowed", "reason", "limit", "used", "remaining"))
    if together != alone or set(alone) != set(FLAGS) or not same or read["used"] != str(USED):
        raise RuntimeError("the server's answers disagree with each other; their speed says nothing")


def _post(address: str, path: str, body: object, headers: dict[str, str]) -> bytes:
    return prepared(address, path, json.dumps(body).encode(), headers)


@contextmanager
def running(arguments: Sequence[str], settings: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """A server process; its address and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, *arguments, str(port)], env={**os.environ, **settings})  # noqa: S603 (the program's own commands)
    try:
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)
