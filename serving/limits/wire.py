"""One connection to Redis that speaks just enough of its protocol: commands go out as bytes, answers come back in order to callbacks.

A general client spends several times as long on a call as the server does. Here a script call is one write, and its answer is read where
it arrives, without a task of its own. What is not answered in time ends the connection, and with it whatever else waits on it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable

    Heard = Callable[[bytes | Exception], None]

_LINE = b"\r\n"
_KINDS = frozenset(b"$+-:")


class ReplyError(RedisError):
    """The server answered a command with an error."""

    @property
    def is_unknown_script(self) -> bool:
        """Whether the server has not been given the script yet, or has forgotten it."""
        return str(self).startswith("NOSCRIPT")


class AwayError(RedisError):
    """The connection ended, or the server did not answer in time."""


class Wire(asyncio.Protocol):
    """A connection; `ask` may be called as soon as it is open, as often as one likes before an answer comes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._heard: deque[Heard] = deque()
        self._rest = b""
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be written to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (a stream's transport)
        self._transport, self.is_open = transport, True

    def ask(self, command: bytes, heard: Heard) -> None:
        """Send a command; `heard` is called with its answer, or with why there is none."""
        if self._transport is None or not self.is_open:
            heard(AwayError("the connection is closed"))
            return
        self._heard.append(heard)
        self._transport.write(command)

    def data_received(self, data: bytes) -> None:
        """Hand out every whole answer."""
        data = self._rest + data if self._rest else data
        place, length = 0, len(data)
        while place < length:
            end = data.find(_LINE, place)
            if end < 0:
                break
            kind, head, after = data[place], data[place + 1 : end], end + 2
            answer: bytes | Exception = head
            if kind == _BULK:
                size = int(head)
                if size >= 0:
                    after += size + 2
                    if after > length:
                        break
                    answer = data[end + 2 : after - 2]
            elif kind == _ERROR:
                answer = ReplyError(head.decode(errors="replace"))
            elif kind not in _KINDS or not self._heard:
                self.end()
                return
            place = after
            self._heard.popleft()(answer)
        self._rest = data[place:]

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits is told."""
        self.is_open = False
        waiting, self._heard = self._heard, deque()
        for heard in waiting:
            heard(AwayError(str(error or "the connection ended")))

    def end(self) -> None:
        """Drop the connection at once; a late answer must not be taken for that of another question."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()


_BULK, _ERROR = b"$-"


def command(*words: bytes) -> bytes:
    r"""A command as Redis reads it.

    >>> command(b"PING")
    b'*1\r\n$4\r\nPING\r\n'
    """
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%s\r\n" % (len(word), word) for word in words])


async def connect(url: str) -> Wire:
    """An open connection to the server and database that the URL names (redis, rediss or unix), logged in."""
    found: dict[str, Any] = dict(parse_url(url))
    loop, wire = asyncio.get_running_loop(), Wire()
    if "path" in found:
        await loop.create_unix_connection(lambda: wire, found["path"])
    else:
        secure = _secure(found) if url.startswith("rediss") else None
        await loop.create_connection(lambda: wire, found.get("host", "localhost"), found.get("port", 6379), ssl=secure)
    password, user = found.get("password"), found.get("username")
    try:
        if password:
            await asked(wire, b"AUTH", *([user.encode()] if user else []), password.encode())
        if found.get("db"):
            await asked(wire, b"SELECT", b"%d" % int(found["db"]))
    except BaseException:
        wire.end()
        raise
    return wire


async def asked(wire: Wire, *words: bytes) -> bytes:
    """The answer to one command."""
    future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def heard(answer: bytes | Exception) -> None:
        if future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    wire.ask(command(*words), heard)
    return await future


def _secure(found: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.get("ssl_ca_certs"))
    if found.get("ssl_certfile"):
        context.load_cert_chain(found["ssl_certfile"], found.get("ssl_keyfile"))
    if str(found.get("ssl_cert_reqs", "required")) == "none":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
