"""Usage over HTTP: every shape that is taken, and every event's own answer."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.bindings import http as cloud
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from billing.metering.roll_up import tend_rollups
from serving.intake.group_commit import Intake, IntakeFullError
from tests.shop import START, delivery

if TYPE_CHECKING:
    from concurrent.futures import Future

    from billing.metering.ingest import Receipt
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


def _cloud_event(name: str) -> CloudEvent:
    attributes = {"id": name, "source": "/till/1", "type": "delivery", "subject": "ann", "team": "x", "time": START}
    return CloudEvent(attributes, {"note": "café", "kg": 2})


def test_what_the_cloudevents_sdk_sends_is_taken(server: Server) -> None:
    """Structured, binary and batched, extension attributes and all; an event is the same in each of them."""
    single, binary = cloud.to_structured_event(_cloud_event("1")), cloud.to_binary_event(_cloud_event("2"))
    bodies = [JSONFormat().write(_cloud_event(name)).decode() for name in ("1", "2", "3")]
    batch = {"Content-Type": "application/cloudevents-batch+json"}

    told = [
        server.call("POST", "/v1/events", content=single.body, headers=single.headers).json(),
        server.call("POST", "/v1/events", content=binary.body, headers=binary.headers).json(),
        server.call("POST", "/v1/events", content=f"[{','.join(bodies)}]".encode(), headers=batch).json(),
    ]

    assert [(each["accepted"], each["duplicates"]) for each in told] == [(1, 0), (1, 0), (1, 2)]
    assert _usage(server) == "3"


def test_a_compressed_body_is_taken_and_a_bomb_is_not(server: Server) -> None:
    """The largest call there is, as gzip; and one that would inflate to more than is taken."""
    body = json.dumps([delivery("ann", str(n)) for n in range(10_000)]).encode()
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    bomb = gzip.compress(b"[" + b" " * (3 * server.services.settings.max_body_bytes) + b"]")

    taken = server.call("POST", "/v1/events", content=gzip.compress(body), headers=headers)
    refused = server.call("POST", "/v1/events", content=bomb, headers=headers)

    assert taken.json()["accepted"] == 10_000
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert _usage(server) == "10000"


def test_usage_is_read_at_once_from_sums_by_the_hour(server: Server) -> None:
    """After a worker has built them, and with an event that comes late."""
    server.call("POST", "/v1/events", json=[{**delivery("ann", "1"), "time": "2026-01-05T10:30:00Z"}])
    tend_rollups(server.services.database, server.shop.scope, now=START)
    server.call("POST", "/v1/events", json=[{**delivery("ann", "2"), "time": "2026-01-05T10:45:00Z"}])

    assert _usage(server) == "2"


def test_a_full_intake_says_when_to_come_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After, and nothing is stored."""

    def refuse(*_: Any) -> Future[Receipt]:
        raise IntakeFullError("more usage is waiting than is taken at once", waiting=1)

    monkeypatch.setattr(Intake, "submit", refuse)
    answer = server.call("POST", "/v1/events", json=[delivery("ann", "1")])

    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "intake_full", "1")
    assert _usage(server) == "0"
