"""How the protocol's routes answer: whole, with a length, private to who asked, readable by the pages that may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Send

    Headers = list[tuple[bytes, bytes]]

ALLOWED_HEADERS = b"authorization, content-type, x-api-key, x-customer-token, if-none-match"
HEADERS_OF_EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_JSON = (b"content-type", b"application/json")
_PRIVATE = (b"cache-control", b"private, no-store")
_AGAIN = (b"retry-after", b"1")
_BEARER = (b"www-authenticate", b"Bearer")
_VARY = (b"vary", b"Origin")


def cors(headers: Mapping[bytes, bytes]) -> Headers:
    """Headers that let the asking page read an answer and its tag; none where no page asks."""
    origin = headers.get(b"origin")
    if origin is None:
        return [_VARY]
    return [
        _VARY,
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"ETag, Retry-After"),
    ]


def preflight(headers: Mapping[bytes, bytes], methods: bytes) -> Headers:
    """The answer to a browser that asks whether it may ask."""
    return [
        *cors(headers),
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", ALLOWED_HEADERS),
        (b"access-control-max-age", b"600"),
    ]


def of_json(status: int) -> Headers:
    """The headers of a JSON answer of this status."""
    if status == 401:
        return [_JSON, _PRIVATE, _BEARER]
    return [_JSON, _PRIVATE, _AGAIN] if status == 503 else [_JSON, _PRIVATE]


async def say(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """An answer in one piece; the server writes head and body in one turn of its loop."""
    if status not in {204, 304}:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
