"""A load generator that costs little itself: prepared requests over kept connections, in a closed loop or at a given rate.

In a closed loop each connection asks again when it was answered. In the open model requests fall due at random instants of a given mean
rate, whether or not the server keeps up, and a request's time counts from when it fell due: a server that stalls is not waited for.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

_TICKS = 100  # of /proc, a hundredth of a second


@dataclass(frozen=True, slots=True)
class Load:
    """So many answers in so many seconds, how long each took in milliseconds, sorted, and the server's CPU seconds."""

    answers: int
    seconds: float
    waited_ms: Sequence[float]
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def cpu_ms(self) -> float:
        """The server's CPU for one answer, in milliseconds."""
        return 1000 * self.cpu_seconds / max(1, self.answers)

    def percentile(self, percent: float) -> float:
        """Milliseconds that so many percent of the answers took at most."""
        place = min(len(self.waited_ms) - 1, int(len(self.waited_ms) * percent / 100))
        return self.waited_ms[place]


def prepared(address: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST request as the bytes that are sent."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(address).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def closed(address: str, requests: Sequence[bytes], *, connections: int, seconds: float, pid: int) -> Load:
    """Each connection asks the requests in turn, one after the other is answered."""

    async def run() -> Load:
        pool = [await _Connection.open(address) for _ in range(connections)]
        waited: list[float] = []
        before, started = cpu_of(pid), time.perf_counter()
        until = started + seconds

        async def ask(connection: _Connection, place: int) -> None:
            while (asked := time.perf_counter()) < until:
                await connection.ask(requests[place % len(requests)])
                waited.append(1000 * (time.perf_counter() - asked))
                place += 1

        await asyncio.gather(*(ask(connection, place) for place, connection in enumerate(pool)))
        load = Load(len(waited), time.perf_counter() - started, sorted(waited), cpu_of(pid) - before)
        for connection in pool:
            connection.close()
        return load

    return asyncio.run(run())


def open_model(
    address: str,
    requests: Sequence[bytes],
    *,
    rate: float,
    seconds: float,
    connections: int,
    pid: int,
    rng: random.Random,
    heard: Callable[[bytes], object] | None = None,
) -> Load:
    """Requests fall due at random (exponential gaps) and take the next free connection; their time counts from when they were due.

    `heard` is given the body of each answer.
    """

    async def run() -> Load:
        pool: asyncio.Queue[_Connection] = asyncio.Queue()
        for _ in range(connections):
            pool.put_nowait(await _Connection.open(address))
        waited: list[float] = []
        tasks: set[asyncio.Task[None]] = set()

        async def one(due: float, request: bytes) -> None:
            connection = await pool.get()
            body = await connection.ask(request)
            waited.append(1000 * (time.perf_counter() - due))
            pool.put_nowait(connection)
            if heard is not None:
                heard(body)

        before, started = cpu_of(pid), time.perf_counter()
        due, place = started, 0
        while (due := due + rng.expovariate(rate)) < started + seconds:
            if due > time.perf_counter():
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(one(due, requests[place % len(requests)]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            place += 1
        await asyncio.gather(*tasks)
        load = Load(len(waited), time.perf_counter() - started, sorted(waited), cpu_of(pid) - before)
        while not pool.empty():
            pool.get_nowait().close()
        return load

    return asyncio.run(run())


def each_once(
    address: str, requests: Sequence[bytes], *, connections: int, pid: int, heard: Callable[[bytes], object]
) -> Load:
    """Every request once, by so many connections that ask the next when they are answered."""

    async def run() -> Load:
        left, waited = iter(requests), list[float]()
        before, started = cpu_of(pid), time.perf_counter()

        async def ask() -> None:
            connection = await _Connection.open(address)
            for request in left:
                asked = time.perf_counter()
                body = await connection.ask(request)
                waited.append(1000 * (time.perf_counter() - asked))
                heard(body)
            connection.close()

        await asyncio.gather(*(ask() for _ in range(connections)))
        return Load(len(waited), time.perf_counter() - started, sorted(waited), cpu_of(pid) - before)

    return asyncio.run(run())


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used, by the kernel's count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class _Connection:
    """One kept connection; a request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: str) -> _Connection:
        parts = urlsplit(address)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer; anything but 200 is an error."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:40]!r}: {body[:300]!r}")
        return body

    def close(self) -> None:
        """Give it back."""
        self._writer.close()


def answer_to(address: str, request: bytes) -> bytes:
    """The body of one answer."""

    async def run() -> bytes:
        connection = await _Connection.open(address)
        body = await connection.ask(request)
        connection.close()
        return body

    return asyncio.run(run())
