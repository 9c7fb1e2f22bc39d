"""Usage intake over HTTP: a server process, and callers on the same machine who send the next call when the last is answered."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from billing.db.session import Database
from training.bench import http_load
from training.bench.metering import Bench, Intake, documents, is_whole, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATIENCE_SECONDS = 60
_TRIES_AGAIN = 0.05
_OF_THE_RATE = 0.5


@dataclass(slots=True)
class _Told:
    """What callers heard."""

    accepted: int = 0
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, accepted: int, seconds: float) -> None:
        """One answer."""
        with self.lock:
            self.accepted += accepted
            self.seconds.append(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many events, so many a call, by so many callers at once; then calls at random for `seconds`."""

    events: int
    each: int
    callers: int
    seconds: float = 5


def bench_over_http(url: str, load: Load, command: Sequence[str], tell: Callable[[str], None]) -> list[Intake]:
    """Events a second from the first call to the last answer, and how long calls take that come at random at half that rate.

    `command` starts the server when a port is added to it.
    """
    bench = prepare(url)
    calls = _calls("http", load.events, load.each)
    warm = documents("warm", 0, 1_000)
    with _server(bench, command) as (port, pid):
        tell(f"{load.callers} callers send {load.events:,} events, {load.each:,} a call")
        _send(bench, port, [json.dumps(warm).encode()], 1)
        bodies = [json.dumps(call).encode() for call in calls]
        started = time.perf_counter()
        told = _send(bench, port, bodies, load.callers)
        seconds = time.perf_counter() - started
        rate = _OF_THE_RATE * len(calls) / seconds
        tell(f"{rate:,.1f} calls a second at random")
        more = _calls("open", int(load.seconds * rate * 2 + 10) * load.each, load.each)
        free = _at_random(bench, (port, pid), [json.dumps(call).encode() for call in more], rate, load.seconds)
    database = Database(url)
    sent = [*warm, *chain.from_iterable(calls), *chain.from_iterable(more[: free.answers])]
    is_right = told.accepted == load.events and is_whole(database, bench.scope, sent)
    database.close()
    waited = sorted(told.seconds)
    closed = Intake(
        engine=database.engine.dialect.name,
        way=f"HTTP, {load.callers} callers, {load.each:,} a call",
        events=load.events,
        seconds=seconds,
        peer_seconds=None,
        is_right=is_right,
        p50_ms=1000 * waited[len(waited) // 2],
        p99_ms=1000 * waited[min(len(waited) - 1, len(waited) * 99 // 100)],
    )
    return [
        closed,
        replace(
            closed,
            way=f"HTTP, at random at half that rate, {load.each:,} a call",
            events=free.answers * load.each,
            seconds=free.seconds,
            p50_ms=free.percentile(50),
            p99_ms=free.percentile(99),
        ),
    ]


def _calls(name: str, events: int, each: int) -> list[list[dict[str, Any]]]:
    return [documents(name, first, min(each, events - first)) for first in range(0, events, each)]


def _at_random(
    bench: Bench, server: tuple[int, int], bodies: list[bytes], rate: float, seconds: float
) -> http_load.Load:
    """The open model: calls fall due whether or not the server keeps up, and their time counts from when they were due."""
    port, pid = server
    address = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {bench.key}"}
    requests = [http_load.prepared(address, "/v1/events", body, headers) for body in bodies]
    return http_load.open_model(
        address, requests, rate=rate, seconds=seconds, connections=64, pid=pid, rng=random.Random(1)
    )


def _send(bench: Bench, port: int, bodies: list[bytes], callers: int) -> _Told:
    told, waiting, lock = _Told(), iter(bodies), threading.Lock()

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
        headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/json"}
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                return connection.close()
            started = time.perf_counter()
            answer = _answer(connection, body, headers)
            told.hear(answer["accepted"], time.perf_counter() - started)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def _answer(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The receipt; who is told to wait sends again."""
    while True:
        connection.request("POST", "/v1/events", body=body, headers=headers)
        response = connection.getresponse()
        text = response.read()
        if response.status == HTTPStatus.OK:
            found: dict[str, Any] = json.loads(text)
            return found
        if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise RuntimeError(f"the server answered {response.status}: {text[:300]!r}")
        time.sleep(_TRIES_AGAIN)


@contextmanager
def _server(bench: Bench, command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """A server process over the benchmark's database; the port it listens on, and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with TemporaryDirectory() as home:
        settings = {"UPTIER_HOME": home, "UPTIER_DATABASE_URL": bench.url, "UPTIER_MLFLOW_URI": "off"}
        process = subprocess.Popen([*command, str(port)], env={**os.environ, **settings})  # noqa: S603 (the program's own command)
        try:
            _await(process, port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_TRIES_AGAIN)
    raise RuntimeError("the server did not start")
