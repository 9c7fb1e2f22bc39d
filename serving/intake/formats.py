"""What senders put into a body, as event documents: CloudEvents structured, binary and batched, JSON arrays, one event a line, gzip.

Nothing is inflated beyond a limit, and what is not JSON is an error of the call, except a line, which is an error of its own.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from billing.kernel.errors import InvalidError, Kind, UptierError
from billing.metering.ingest import MAX_BATCH, BatchTooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
BATCH = "application/cloudevents-batch+json"
_BINARY_FIELDS = ("specversion", "id", "source", "type", "subject", "time", "dataschema")
_GZIP = 31  # zlib's word for a gzip header and trailer, and nothing else
_MOST_MEMBERS = 64
_UNCHANGED = frozenset({"", "identity"})


class InflatedTooLargeError(UptierError):
    """A compressed body holds more than is taken at once."""

    code = "body_too_large"
    kind = Kind.TOO_LARGE


class BadEncodingError(InvalidError):
    """A body is not encoded as it says."""

    code = "bad_encoding"


def read_body(body: bytes, headers: Mapping[str, str], *, most_bytes: int) -> list[Any]:
    """The event documents of a request; what is no event is left for the reader of events to refuse. Headers are in lower case."""
    body = inflate(body, headers.get("content-encoding", ""), most_bytes=most_bytes)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-id" in headers:
        return [_binary(body, headers)]
    if kind in LINES:
        return _lines(body)
    document = _json(body)
    if isinstance(document, list):
        return document
    if kind == BATCH:
        raise InvalidError(f"a body of {BATCH} is a JSON array of events")
    return [document]


def inflate(body: bytes, encoding: str, *, most_bytes: int) -> bytes:
    """The body as it was before it was compressed; it is never inflated beyond the limit."""
    name = encoding.strip().lower()
    if name in _UNCHANGED:
        return body
    if name not in {"gzip", "x-gzip"}:
        raise BadEncodingError(f"send the body as it is or with 'Content-Encoding: gzip', not {encoding[:40]!r}")
    parts: list[bytes] = []
    size, rest = 0, body
    try:
        while rest:
            if len(parts) == _MOST_MEMBERS:
                raise BadEncodingError(f"the gzip body has more than {_MOST_MEMBERS} members")
            member = zlib.decompressobj(_GZIP)
            part = member.decompress(rest, most_bytes - size + 1)
            size += len(part)
            if size > most_bytes:
                raise InflatedTooLargeError(
                    f"an inflated body has at most {most_bytes} bytes; send it in smaller parts", limit=most_bytes
                )
            if not member.eof:
                raise BadEncodingError("the gzip body ends before its end")
            parts.append(part)
            rest = member.unused_data
    except zlib.error:
        raise BadEncodingError("the body is not gzip") from None
    return b"".join(parts)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidError(f"the body is not JSON: {error}; for one event a line send application/x-ndjson") from None


def _lines(body: bytes) -> list[Any]:
    documents: list[Any] = []
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        start = end + 1
        if line:
            if len(documents) == MAX_BATCH:
                raise BatchTooLargeError(f"send at most {MAX_BATCH} events in one call", limit=MAX_BATCH)
            documents.append(_line(line))
    return documents


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # reported as a bad event at its own index


def _binary(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Attributes from the headers, percent-decoded as the HTTP binding of CloudEvents says; the body is the data."""
    event: dict[str, Any] = {
        name: unquote(headers[f"ce-{name}"], errors="surrogateescape")  # what is no UTF-8 is no text that is kept
        for name in _BINARY_FIELDS
        if f"ce-{name}" in headers
    }
    if body.strip():
        event["data"] = _json(body)
    return event
