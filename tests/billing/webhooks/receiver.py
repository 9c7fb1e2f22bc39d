"""A real server that is told things, remembers them, and misbehaves by the path it is called on."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

HUGE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    @property
    def document(self) -> Any:
        """The body."""
        return orjson.loads(self.body)


@dataclass(slots=True)
class Receiver:
    """A running server: what it was told, and how many requests on one path ever overlapped."""

    port: int
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    most_at_once: int = 0
    holds: bool = True
    _inside: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _came: threading.Condition = field(default_factory=threading.Condition)
    halt: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/ok", host: str = "127.0.0.1") -> str:
        """Where to send to."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def on(self, path: str) -> list[Received]:
        """What came on a path, in order."""
        return [each for each in self.received if each.path == path]

    def answer_with(self, path: str, *statuses: int) -> None:
        """Answer the next requests on a path with these, and those after them with the last."""
        self.statuses[path] = list(statuses)

    def take(self, request: Received) -> int:
        """Note a request; the answer is the status to give."""
        with self._lock:
            self.received.append(request)
            self.told.set()
            with self._came:
                self._came.notify_all()
            self._inside[request.path] += 1
            self.most_at_once = max(self.most_at_once, self._inside[request.path])
            planned = self.statuses.get(request.path, [200])
            return planned.pop(0) if len(planned) > 1 else planned[0]

    def inside(self, path: str) -> int:
        """How many requests on a path are open."""
        return self._inside[path]

    def wait_for(self, path: str, *, seconds: int) -> bool:
        """Whether something comes on a path within a time."""
        with self._came:
            return self._came.wait_for(lambda: bool(self.on(path)), seconds)

    def leave(self, path: str) -> None:
        """The request was answered."""
        with self._lock:
            self._inside[path] -= 1


@contextlib.contextmanager
def receiving(trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_address[1], "http" if trust is None else "https")
    server.receiver = receiver  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.halt.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Paths: /close hangs up, /drip answers a byte at a time, /drip-body its body, /huge with megabytes, /hold never at first.

    /away answers elsewhere, /later and /later-by-date ask for time, /binary answers no text; the others as they were told to.
    """

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = receiver.take(Received(self.path, headers, body))
        with contextlib.suppress(OSError):
            self._answer(receiver, status)
        receiver.leave(self.path)

    def _answer(self, receiver: Receiver, status: int) -> None:
        if self.path == "/close":
            self.connection.close()
        elif self.path == "/drip":
            self._drip(receiver, b"HTTP/1.1 200 OK\r\n" + b"x-long: y\r\n" * 10_000)
        elif self.path == "/hold" and receiver.holds:
            receiver.holds = False
            receiver.halt.wait()
        elif self.path == "/drip-body":
            self._say(200, [("content-length", "10000")])
            self._drip(receiver, b"z" * 10_000)
        elif self.path == "/huge":
            self._say(200, [("content-length", str(HUGE_BYTES))], b"h" * HUGE_BYTES)
        elif self.path == "/away":
            self._say(302, [("location", receiver.url("/inside"))])
        elif self.path == "/later":
            self._say(503, [("retry-after", "7200")])
        elif self.path == "/later-by-date":
            self.send_response_only(429)
            self.send_header("date", "Sat, 31 Jan 2026 09:00:00 GMT")
            self._end([("retry-after", "Sat, 31 Jan 2026 09:10:00 GMT")])
        elif self.path == "/binary":
            self._say(500, [], b"\x00\xff no\x1b[31m")
        else:
            self._say(status, [], b"noted")

    def _say(self, status: int, headers: list[tuple[str, str]], body: bytes = b"") -> None:
        self.send_response(status)
        self._end(headers)
        self.wfile.write(body)

    def _end(self, headers: list[tuple[str, str]]) -> None:
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, receiver: Receiver, data: bytes) -> None:
        for position in range(len(data)):
            self.wfile.write(data[position : position + 1])
            if receiver.halt.wait(0.05):
                return

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
