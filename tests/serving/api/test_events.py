"""Usage over HTTP: every shape that is taken, and every event's own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.shop import delivery

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

NDJSON = {"Content-Type": "application/x-ndjson"}


def _usage(server: Server) -> str:
    query = "customer=ann&meter=deliveries&from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z"
    answer: str = server.call("GET", f"/v1/usage?{query}").json()["quantity"]
    return answer


def test_a_bad_event_is_rejected_by_itself_and_the_rest_is_kept(server: Server) -> None:
    """Each trouble has its index and a sentence that says what to do; what is good is counted at once."""
    batch: list[Any] = [
        delivery("ann", "1"),
        {"id": "2", "type": "delivery"},
        "nonsense",
        delivery("nobody", "3"),
        {**delivery("ann", "4"), "time": "yesterday"},
        {**delivery("ann", "5"), "colour": "red"},
        delivery("ann", "6"),
        {"id": "7", "type": "page_view", "customer": "ann"},
    ]

    answer = server.call("POST", "/v1/events", json=batch).json()

    assert answer["accepted"] == 3
    assert [(item["index"], item["code"]) for item in answer["rejected"]] == [
        (1, "bad_event"),
        (2, "bad_event"),
        (3, "customer_not_found"),
        (4, "bad_event"),
        (5, "bad_event"),
    ]
    assert [item["id"] for item in answer["unmatched"]] == ["7"]
    assert _usage(server) == "2"


def test_the_same_event_counts_once_however_it_comes(server: Server) -> None:
    """Within a batch, in a later one and in another format, an id of one source is one event."""
    event = delivery("ann", "1")
    first = server.call("POST", "/v1/events", json=[event, event]).json()
    line = '{"id":"%s","source":"shop","type":"delivery","customer":"ann"}'
    lines = "\n".join(line % number for number in (1, 2)).encode()
    second = server.call("POST", "/v1/events", content=lines, headers=NDJSON).json()
    cloud = {"ce-id": "2", "ce-source": "shop", "ce-type": "delivery", "ce-subject": "ann", "ce-specversion": "1.0"}
    third = server.call("POST", "/v1/events", content=b"", headers=cloud).json()

    assert (first["accepted"], first["duplicates"]) == (1, 1)
    assert (second["accepted"], second["duplicates"]) == (1, 1)
    assert (third["accepted"], third["duplicates"]) == (0, 1)
    assert _usage(server) == "2"


def test_a_line_that_is_no_json_is_rejected_by_its_number(server: Server) -> None:
    """The others of the body are taken."""
    good = b'{"id":"1","type":"delivery","customer":"ann"}'

    answer = server.call("POST", "/v1/events", content=good + b"\n{broken\n", headers=NDJSON).json()

    assert (answer["accepted"], answer["rejected"][0]["index"]) == (1, 1)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b""])
def test_a_body_that_is_no_json_is_a_readable_problem(server: Server, body: bytes) -> None:
    """One error for the whole body, since nothing in it can be told apart."""
    answer = server.call("POST", "/v1/events", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert "not JSON" in answer.json()["detail"]


def test_too_many_events_and_too_large_bodies_are_refused_with_the_limit(server: Server) -> None:
    """The answer names the limit, and nothing is stored."""
    many = server.call("POST", "/v1/events", json=[{}] * 10_001)
    large = server.call("POST", "/v1/events", content=b"x" * (server.services.settings.max_body_bytes + 1))

    assert (many.status_code, many.json()["limit"]) == (413, 10_000)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert _usage(server) == "0"


def test_numbers_with_a_point_never_become_binary_fractions(server: Server) -> None:
    """A tenth added ten times is one."""
    server.call(
        "POST",
        "/v1/meters",
        json={"key": "gb", "name": "GB", "event_type": "upload", "aggregation": "sum", "property": "gb"},
    )
    batch = [{"id": str(n), "type": "upload", "customer": "ann", "data": {"gb": 0.1}} for n in range(10)]
    assert server.call("POST", "/v1/events", json=batch).json()["accepted"] == 10

    query = "customer=ann&meter=gb&from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z"
    assert server.call("GET", f"/v1/usage?{query}").json()["quantity"] == "1"
