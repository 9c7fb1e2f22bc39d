"""Bodies of every shape come to the same documents, and none makes the server inflate or keep more than it said."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import InvalidError, UptierError
from billing.metering.ingest import MAX_BATCH, BatchTooLargeError
from serving.intake.formats import BadEncodingError, InflatedTooLargeError, inflate, read_body

MOST = 1_000_000
EVENT = {"id": "1", "source": "till", "type": "delivery", "subject": "ann", "specversion": "1.0", "data": {"kg": 2}}


def _read(body: bytes, kind: str, **headers: str) -> list[Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_body(body, {"content-type": kind, **named}, most_bytes=MOST)


def test_every_format_comes_to_the_same_documents() -> None:
    """Structured, batched, a plain array, lines, and binary with its attributes in headers."""
    text = json.dumps(EVENT).encode()
    attributes = {f"ce_{name}": str(EVENT[name]) for name in ("id", "source", "type", "subject", "specversion")}

    assert _read(text, "application/cloudevents+json; charset=utf-8") == [EVENT]
    assert _read(b"[" + text + b"]", "application/cloudevents-batch+json") == [EVENT]
    assert _read(b"[" + text + b"]", "application/json") == [EVENT]
    assert _read(text + b"\n\r\n" + text, "application/x-ndjson") == [EVENT, EVENT]
    assert _read(b'{"kg": 2}', "application/json", **attributes) == [EVENT]


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "application/cloudevents-batch+json"])
def test_gzip_is_read_as_what_it_holds(kind: str) -> None:
    """Also in several members, as concatenated files are."""
    body = json.dumps([EVENT]).encode()

    assert _read(gzip.compress(body), kind, content_encoding="gzip") == _read(body, kind)
    assert inflate(gzip.compress(b"ab") + gzip.compress(b"c"), "gzip", most_bytes=3) == b"abc"


def _gzip(body: bytes) -> bytes:
    """Without the time of day, so that a case is called the same in every process."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(
    "bomb",
    [
        _gzip(b"\0" * 50 * MOST),
        _gzip(b" " * MOST) * 2,
        _gzip(_gzip(b"x") + b" " * MOST),
    ],
)
def test_a_bomb_is_refused(bomb: bytes) -> None:
    """By the size it would have, whatever it weighs."""
    with pytest.raises(InflatedTooLargeError) as refused:
        _read(bomb, "application/json", content_encoding="gzip")
    assert refused.value.facts == {"limit": MOST}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"[]", "gzip"),
        (_gzip(b"[]")[:-3], "gzip"),
        (zlib.compress(b"[]"), "gzip"),
        (_gzip(b"[]") + b"more", "gzip"),
        (_gzip(b"") * 65, "gzip"),
        (b"[]", "br"),
        (b"[]", "gzip, gzip"),
    ],
)
def test_what_is_not_encoded_as_it_says_is_an_error(body: bytes, encoding: str) -> None:
    """Cut off, of another kind, or followed by something else."""
    with pytest.raises(BadEncodingError):
        inflate(body, encoding, most_bytes=MOST)


def test_a_call_has_so_many_lines() -> None:
    """One more is refused before the rest is looked at; empty lines are nothing."""
    assert len(_read(b"1\n\n" * MAX_BATCH, "application/x-ndjson")) == MAX_BATCH
    with pytest.raises(BatchTooLargeError):
        _read(b"1\n" * (MAX_BATCH + 1), "application/x-ndjson")


def test_a_batch_is_an_array() -> None:
    """An event sent as a batch is an error that says so."""
    with pytest.raises(InvalidError, match="array"):
        _read(b"{}", "application/cloudevents-batch+json")


def test_attributes_in_headers_are_percent_decoded() -> None:
    """As the HTTP binding of CloudEvents writes what is not ASCII."""
    (event,) = _read(b"", "application/json", ce_id="caf%C3%A9 %22a%22")
    assert event == {"id": 'café "a"'}


@given(
    st.binary(max_size=200),
    st.sampled_from(["application/json", "application/x-ndjson", ""]),
    st.sampled_from(["", "gzip"]),
)
def test_any_bytes_are_read_or_refused(body: bytes, kind: str, encoding: str) -> None:
    """With an error that the API can tell, never another."""
    for sent in (body, gzip.compress(body)):
        try:
            assert isinstance(_read(sent, kind, content_encoding=encoding, ce_id="%ff"), list)
        except UptierError:
            continue
