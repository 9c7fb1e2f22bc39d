"""One request to an endpoint: to the very address that was checked, within a time in all, reading little of the answer.

A name is resolved once for each request and the connection goes to one of the addresses that were checked, so a name that changes its mind
in between (DNS rebinding) gains nothing; `Host`, SNI and the certificate are still those of the name. Redirects are not followed, proxies
of the environment are not used. Whatever goes wrong is an answer (`Reply.error`), never an exception.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as ResolvingTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

import httpcore
import httpx

from billing.webhooks.address import AddressError, AddressRule, may_connect, parse_target

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from billing.webhooks.address import Target

TIMEOUT_SECONDS = 15
MAX_READ_BYTES = 64 * 1024
MAX_EXCERPT = 500
_MOST_ADDRESSES = 4
_MOST_DIGITS = 9
_MAX_HEADER_VALUE = 100
_NS = 1_000_000_000
_RESOLVERS = ThreadPoolExecutor(8, thread_name_prefix="uptier-resolve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How an endpoint answered: a status, or an error when none came; `retry_after` is how long it asks to be left alone."""

    status: int | None = None
    error: str | None = None
    excerpt: str = ""
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took the message."""
        return self.status is not None and 200 <= self.status < 300


class Post(Protocol):
    """Whoever sends a request: `HttpPost`, or what stands in for a network."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send once and say how it was answered."""
        ...


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the machine's resolver tells them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HttpPost:
    """Sends over HTTP/1.1, a connection for each request."""

    def __init__(
        self,
        rule: AddressRule,
        *,
        timeout_seconds: int = TIMEOUT_SECONDS,
        lookup: Callable[[str, int], list[str]] = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rule = rule
        self._timeout_seconds = timeout_seconds
        self._lookup = lookup
        self._trust = trust

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send once and say how it was answered."""
        deadline = _Deadline(self._timeout_seconds)
        try:
            target = parse_target(url, self._rule)
            addresses = self._checked(target, deadline)
        except AddressError:
            return Reply(error="address_refused")
        except (ResolvingTimeoutError, httpcore.TimeoutException, OSError, UnicodeError):
            return Reply(error="name_not_resolved")
        try:
            return self._send(target, addresses, headers, body, deadline)
        except httpcore.TimeoutException:
            return Reply(error="timed_out")
        except (httpcore.NetworkError, OSError):
            return Reply(error="connection_failed")
        except httpcore.ProtocolError:
            return Reply(error="broken_answer")

    def _checked(self, target: Target, deadline: _Deadline) -> list[str]:
        """Where to connect to; one address that may not be is reason enough to refuse the name."""
        waiting = _RESOLVERS.submit(self._lookup, target.host, target.port)
        try:
            found = waiting.result(timeout=deadline.seconds())[:_MOST_ADDRESSES]
        finally:
            waiting.cancel()  # one that has not begun need not
        if not found:
            raise OSError
        if not all(may_connect(ip_address(address), self._rule) for address in found):
            raise AddressError("the name leads to an address that may not be sent to", field="url")
        return found

    def _send(
        self, target: Target, addresses: list[str], headers: Mapping[str, str], body: bytes, deadline: _Deadline
    ) -> Reply:
        given = {"host": target.authority, "content-length": str(len(body)), "connection": "close", **headers}
        request = httpcore.Request(
            "POST",
            httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=list(given.items()),
            content=body,
        )
        trust = (self._trust or _trust()) if target.scheme == "https" else None
        with httpcore.ConnectionPool(ssl_context=trust, network_backend=_Pinned(addresses, deadline)) as pool:
            response = pool.handle_request(request)
            try:
                return _read(response)
            finally:
                response.close()


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _read(response: httpcore.Response) -> Reply:
    """The answer; its head decides, so a body that breaks off or never ends does not undo what was taken."""
    start = bytearray()
    with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError):
        read = 0
        for part in response.iter_stream():
            start += part[: max(0, MAX_EXCERPT * 4 - len(start))]
            read += len(part)
            if read >= MAX_READ_BYTES:
                break
    error = "redirected" if 300 <= response.status < 400 else None
    return Reply(
        status=response.status,
        error=error if error or response.status < 400 else "refused",
        excerpt=_readable(bytes(start)),
        retry_after=_retry_after(response.headers),
    )


def _readable(start: bytes) -> str:
    """The beginning of a body as text that every engine stores and every page shows."""
    text = start.decode("utf-8", "replace")[:MAX_EXCERPT]
    return "".join(character if character.isprintable() else " " for character in text)


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> timedelta | None:
    """How long to wait by `Retry-After`: its seconds, or its date as seen by the endpoint's own clock (the answer's `Date`)."""
    found = {name.lower(): value[:_MAX_HEADER_VALUE].decode("latin-1").strip() for name, value in headers}
    text = found.get(b"retry-after", "")
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text)) if len(text) <= _MOST_DIGITS else None
    with suppress(ValueError, TypeError, OverflowError):
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(found.get(b"date", ""))
        return max(wait, timedelta())
    return None


class _Deadline:
    """A time in all, however many steps it takes: a peer that answers a byte at a time cannot stretch it."""

    def __init__(self, seconds: int) -> None:
        self._ends_ns = time.monotonic_ns() + seconds * _NS

    def seconds(self) -> Any:
        """What is left. Raises the library's time-out when nothing is."""
        left = self._ends_ns - time.monotonic_ns()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left / _NS


class _Pinned(httpcore.NetworkBackend):
    """Connects to the addresses that were checked, whatever name is asked for."""

    def __init__(self, addresses: list[str], deadline: _Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 (the addresses were resolved from it and checked)
        port: int,
        timeout: Any = None,  # noqa: ARG002 (the deadline is stricter)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that answers."""
        *others, last = self._addresses
        for address in others:
            with suppress(httpcore.ConnectError):
                return self._connect(address, port, local_address, socket_options)
        return self._connect(last, port, local_address, socket_options)

    def _connect(
        self, address: str, port: int, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_tcp(address, port, self._deadline.seconds(), local_address, socket_options or ())
        return _Bounded(stream, self._deadline)


class _Bounded(httpcore.NetworkStream):
    """A connection whose every step has only what is left of the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:  # noqa: ARG002 (the deadline is stricter)
        """Some bytes."""
        return self._stream.read(max_bytes, self._deadline.seconds())

    def write(self, buffer: bytes, timeout: Any = None) -> None:  # noqa: ARG002 (as above)
        """All bytes; not through the stream, which begins its time anew whenever the peer takes one."""
        connected = self._stream.get_extra_info("socket")
        left = memoryview(buffer)
        while left:
            connected.settimeout(self._deadline.seconds())
            try:
                left = left[connected.send(left) :]
            except TimeoutError:
                raise httpcore.WriteTimeout from None
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """The end of it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: Any = None,  # noqa: ARG002 (as above)
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.seconds())
        return _Bounded(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the library wants to know of the socket."""
        return self._stream.get_extra_info(info)
