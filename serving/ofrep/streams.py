"""Streams of server-sent events that say when a customer's flags should be asked for again, and never what they are.

A stream says so when it opens (unless the client, by `Last-Event-ID`, already has what there is), and whenever the results have changed,
at most once a second. A comment every fifteen seconds keeps proxies from closing it. A process keeps a bounded number of streams and
answers 503 beyond; when the process ends, so do they.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
import structlog

from serving.ofrep.answering import HEADERS_OF_EVENTS, cors, say
from serving.ofrep.asking import FaultError
from serving.ofrep.stream_token import listener_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from serving.ofrep.evaluate import Evaluator
    from serving.ofrep.stream_token import Listener

MOST_STREAMS = 1_000
HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 1.0
_LOG = structlog.get_logger("uptier.ofrep")


class _Stream:
    """One open connection's state; everything but `tell` belongs to its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.customer_id: str | None = None

    def tell(self, customer: str | None) -> None:
        """A customer (by id; None for all of them) has changed. From any thread."""
        if customer is None or self.customer_id is None or customer == self.customer_id:
            self._call(self.changed.set)

    def end(self) -> None:
        """Have the stream end. From any thread."""
        self._call(self.ended.set)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the stream with it
            self._loop.call_soon_threadsafe(what)


class Streams:
    """All streams of a process. `close` ends them and lets none begin."""

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        most: int = MOST_STREAMS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._evaluator = evaluator
        self._most = most
        self._heartbeat = heartbeat_seconds
        self._pause = pause_seconds
        self._open: set[_Stream] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        """End every stream; safe in a signal's handler."""
        self._is_closed = True
        for stream in tuple(self._open):
            stream.end()

    async def serve(
        self, token: str, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request for a stream. Raises StreamTokenError, and FaultError when there are too many."""
        services = self._evaluator.services
        listener = listener_of(self._evaluator.stream_secret, token, services.clock.now())
        if self._is_closed or len(self._open) >= self._most:
            raise FaultError(503, "GENERAL", "too many streams are open here; poll, or try again in a moment")
        if scope["method"] == "HEAD":
            await say(send, 200, [*HEADERS_OF_EVENTS, *cors(headers)], b"")
            return
        stream = _Stream()
        self._open.add(stream)
        unsubscribe = services.gate.subscribe(listener.tenant_id, stream.tell)
        hanging_up = asyncio.ensure_future(_until_gone(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS_OF_EVENTS, *cors(headers)]})
            await self._tell(stream, listener, headers.get(b"last-event-id", b"").decode("latin-1"), send)
            with suppress(OSError):  # the caller hung up while something was sent
                await send({"type": "http.response.body", "body": b""})
        finally:
            unsubscribe()
            self._open.discard(stream)
            hanging_up.cancel()

    async def _tell(self, stream: _Stream, listener: Listener, known: str, send: Send) -> None:
        stream.changed.set()
        while not stream.ended.is_set() and not self._is_closed:
            left = listener.until - self._evaluator.services.clock.now().timestamp()
            if left <= 0:
                return
            if not await _any_of(min(self._heartbeat, left), stream.changed, stream.ended):
                await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
                continue
            if stream.ended.is_set():
                return
            stream.changed.clear()
            etag = await self._etag(stream, listener)
            if etag is None or etag != known:
                await send({"type": "http.response.body", "body": _event(etag), "more_body": True})
                known = etag or ""
                await _any_of(self._pause, stream.ended)

    async def _etag(self, stream: _Stream, listener: Listener) -> str | None:
        """The tag of the results as they stand; None where they cannot be had, so that the client asks and is told why."""
        try:
            stream.customer_id, etag = await self._evaluator.standing(listener.tenant_id, listener.customer)
        except Exception as error:  # noqa: BLE001 (a stream outlives whatever happens to one reading)
            _LOG.warning("a stream could not read its customer", error=type(error).__name__)
            return None
        return etag


def _event(etag: str | None) -> bytes:
    if etag is None:
        return b'data: {"type":"refetchEvaluation"}\n\n'
    data = orjson.dumps({"type": "refetchEvaluation", "etag": etag})
    return b"id: " + etag.encode() + b"\ndata: " + data + b"\n\n"


async def _until_gone(receive: Receive, stream: _Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.ended.set()


async def _any_of(seconds: float, *events: asyncio.Event) -> bool:
    """Whether one of these events came within a time."""
    if any(each.is_set() for each in events):
        return True
    waiting = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    return bool(done)
