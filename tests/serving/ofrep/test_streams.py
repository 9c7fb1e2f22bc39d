"""Streams say that something changed, to whom it may concern, and end when they should."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.db.changes import changed
from serving.ofrep.application import Ofrep as Application
from serving.ofrep.evaluate import STREAM_PATH, Evaluator
from serving.ofrep.stream_token import WINDOW_SECONDS, StreamTokenError, listener_of, signed
from serving.ofrep.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.serving.api.conftest import Server
    from tests.serving.ofrep.conftest import Ofrep

PATIENCE = 20
SECRET = "s" * 32
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


class Connection:
    """A browser's connection to one stream, as the server program sees it."""

    def __init__(self, application: Application, path: str, **headers: str) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gone = asyncio.Event()
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": raw}
        self.task = asyncio.ensure_future(application(scope, self._receive, self._send))

    async def next(self) -> dict[str, Any]:
        """The next message that the application sent."""
        async with asyncio.timeout(PATIENCE):
            return await self._sent.get()

    async def event(self) -> dict[str, Any]:
        """The data of the next event; comments are passed over."""
        while True:
            for line in (await self.next())["body"].decode().splitlines():
                if line.startswith("data: "):
                    found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    return found

    async def opened(self) -> tuple[int, dict[str, str]]:
        """The status and headers."""
        message = await self.next()
        return message["status"], {name.decode(): value.decode() for name, value in message["headers"]}

    async def hang_up(self) -> None:
        """Close it from the browser's side."""
        self._gone.set()
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._sent.put(message)


async def _not_here(*_: object) -> None:
    raise AssertionError("passed on")


def _streaming(server: Server, **settings: Any) -> tuple[Application, Streams]:
    evaluator = Evaluator(server.services)
    streams = Streams(evaluator, **{"pause_seconds": 0, **settings})
    return Application(_not_here, evaluator, streams), streams


def _address(ofrep: Ofrep, customer: str = "ann") -> str:
    [stream] = ofrep.all(customer).json()["eventStreams"]
    assert stream["type"] == "sse"
    return str(stream["endpoint"]["requestUri"])


def _use(server: Server, customer: str, event_id: str) -> None:
    event = {"id": event_id, "source": "shop", "type": "delivery", "customer": customer}
    assert server.call("POST", "/v1/events", json=[event]).json()["accepted"] == 1


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_stream_tells_of_changed_results_by_their_tag(ofrep: Ofrep, subscribed: dict[str, Any]) -> None:
    """When it opens, and when a unit is used; the tag is that of the next bulk answer, and nothing else is told."""
    assert subscribed
    application, streams = _streaming(ofrep.server)
    address = _address(ofrep)

    async def work() -> None:
        stream = Connection(application, address, origin="https://shop.example")
        status, headers = await stream.opened()
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert headers["access-control-allow-origin"] == "https://shop.example"
        assert headers["x-accel-buffering"] == "no"
        first = await stream.event()
        assert first == {"type": "refetchEvaluation", "etag": ofrep.all().headers["etag"]}
        await asyncio.to_thread(_use, ofrep.server, "ann", "e1")
        second = await stream.event()
        assert second == {"type": "refetchEvaluation", "etag": ofrep.all().headers["etag"]}
        assert second != first
        assert len(streams) == 1
        await stream.hang_up()
        assert len(streams) == 0

    _run(work())


def test_what_does_not_concern_a_customer_is_not_told(ofrep: Ofrep, subscribed: dict[str, Any]) -> None:
    """Another's usage, and a change to all that leaves the results as they are: the next event is of the next result."""
    assert subscribed
    server = ofrep.server
    application, _ = _streaming(server)
    address = _address(ofrep)

    def nothing_changes() -> None:
        with server.services.database.unit(server.shop.scope) as unit:
            changed(unit.session)

    async def work() -> None:
        stream = Connection(application, address)
        await stream.opened()
        before = await stream.event()
        await asyncio.to_thread(_use, server, "bob", "e1")
        await asyncio.to_thread(nothing_changes)
        await asyncio.to_thread(_use, server, "ann", "e2")
        after = await stream.event()
        assert after["etag"] == ofrep.all().headers["etag"] != before["etag"]
        await stream.hang_up()

    _run(work())


def test_who_comes_back_with_the_latest_tag_is_told_nothing(ofrep: Ofrep) -> None:
    """A heartbeat is the first that such a client reads."""
    application, _ = _streaming(ofrep.server, heartbeat_seconds=0.01)
    tag = ofrep.all().headers["etag"]
    address = _address(ofrep)

    async def work() -> None:
        stream = Connection(application, address, last_event_id=tag)
        await stream.opened()
        for _ in range(2):
            assert (await stream.next())["body"] == b":\n\n"
        await stream.hang_up()

    _run(work())


def test_streams_are_bounded_and_end_with_the_process(ofrep: Ofrep) -> None:
    """Beyond the bound 503 with Retry-After; told to end, those that are open end whole, and no other begins."""
    application, streams = _streaming(ofrep.server, most=2)
    address = _address(ofrep)

    async def work() -> None:
        both = [Connection(application, address) for _ in range(2)]
        for each in both:
            assert (await each.opened())[0] == 200
            await each.event()
        status, headers = await Connection(application, address).opened()
        assert (status, headers["retry-after"]) == (503, "1")
        streams.close()
        for each in both:
            assert (await each.next()) == {"type": "http.response.body", "body": b""}
            await each.task
        assert (await Connection(application, address).opened())[0] == 503

    _run(work())


def test_an_address_that_is_not_ours_is_refused(ofrep: Ofrep) -> None:
    """One that is made up, one of a customer's token, one that ended; other methods too."""
    server = ofrep.server
    old = signed(SECRET, server.shop.opened.tenant.id, "ann", NOW)
    for token in ("nothing", old, ofrep.browser()["headers"]["X-Customer-Token"]):
        answer = server.call("GET", f"{STREAM_PATH}{token}", key="")
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "GENERAL")
    assert server.call("POST", f"{STREAM_PATH}{old}").status_code == 405
    assert server.call("HEAD", _address(ofrep), key="").status_code == 200


def test_an_address_is_the_same_for_an_hour_and_good_for_two() -> None:
    """So that asking again does not change it, and it ends by itself."""
    begins = NOW.replace(minute=0)
    first = signed(SECRET, "ten_1", "ann", begins)
    assert first == signed(SECRET, "ten_1", "ann", begins + timedelta(seconds=WINDOW_SECONDS - 1))
    assert first != signed(SECRET, "ten_1", "ann", begins + timedelta(seconds=WINDOW_SECONDS))
    found = listener_of(SECRET, first, begins + timedelta(seconds=2 * WINDOW_SECONDS - 1))
    assert (found.tenant_id, found.customer) == ("ten_1", "ann")
    for secret, when in ((SECRET, begins + timedelta(seconds=2 * WINDOW_SECONDS)), ("t" * 32, begins)):
        with pytest.raises(StreamTokenError):
            listener_of(secret, first, when)
