"""Whatever bytes are sent as events, they are answered: taken, or refused with a reason; never a fault, and nothing is stored twice."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

TYPES = (
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain",
    "",
    "application/json; charset=latin-1",
)
_texts = st.text(max_size=12) | st.sampled_from(
    ["ann", "delivery", "2026-01-31T10:00:00Z", "9999-12-31T23:59:60Z", "\x00", "é" * 300]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)
_names = st.sampled_from(
    ["id", "source", "type", "subject", "customer", "time", "data", "specversion", "datacontenttype", "extension"]
)
_events = st.dictionaries(_names, _values, max_size=9)
_bodies = (
    st.binary(max_size=400)
    | st.lists(_events, max_size=6).map(lambda events: json.dumps(events).encode())
    | _events.map(lambda event: json.dumps(event).encode())
    | st.lists(_events, max_size=6).map(lambda events: b"\n".join(json.dumps(each).encode() for each in events))
    | st.integers(1, 3_000).map(lambda depth: b"[" * depth)
)
_headers = st.dictionaries(
    st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-specversion", "content-encoding"]),
    st.sampled_from(["gzip", "identity", "1.0", "ann", "delivery", "x", ""]),
    max_size=4,
)


def test_any_bytes_are_answered(server: Server) -> None:
    """An answer below 500 that counts each event once, and the server goes on."""

    @settings(
        max_examples=400, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
    )
    @given(body=_bodies, kind=st.sampled_from(TYPES), more=_headers)
    def sent(body: bytes, kind: str, more: dict[str, str]) -> None:
        answer = server.call("POST", "/v1/events", content=body, headers={**more, "content-type": kind})
        assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (kind, more, body, answer.text)
        if answer.status_code == HTTPStatus.OK:
            _whole(answer.json())
        else:
            assert answer.json()["code"], answer.text

    sent()
    event = {"id": "after", "source": "shop", "type": "delivery", "customer": "ann"}
    assert server.call("POST", "/v1/events", json=[event]).json()["accepted"] == 1


def _whole(receipt: dict[str, Any]) -> None:
    """Every index of a batch is in one place at most, and each rejection has its reason."""
    indexes = [each["index"] for each in receipt["rejected"]]
    assert len(indexes) == len(set(indexes))
    assert all(each["code"] and each["detail"] for each in receipt["rejected"])
    assert min(receipt["accepted"], receipt["duplicates"]) >= 0
