"""Usage over HTTP while a month lies in a file: the same answers, late events beside it, and a clear error when the file is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.metering.put_away import archive_month
from tests.shop import START, delivery

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

DECEMBER = datetime(2025, 12, 1, tzinfo=UTC)


def _usage(server: Server, start: str = "2025-12-01", end: str = "2026-01-01", **options: Any) -> Any:
    query = {"customer": "ann", "meter": "deliveries", "from": f"{start}T00:00:00Z", "to": f"{end}T00:00:00Z"}
    return server.call("GET", "/v1/usage", params=query | {"window": "day"}, **options)


def _send(server: Server, *documents: dict[str, Any]) -> tuple[int, int]:
    answer = server.call("POST", "/v1/events", json=list(documents)).json()
    return answer["accepted"], answer["duplicates"]


def test_an_archived_month_answers_as_before(server: Server, tmp_path: Path) -> None:
    """By day too; what is sent again is a duplicate, what is late is counted at once, and an amendment says what to do first."""
    sent = [delivery("ann", str(day), DECEMBER.replace(day=day, hour=12, minute=30)) for day in range(1, 6)]
    assert _send(server, *sent) == (5, 0)
    before = _usage(server).json()
    assert before["quantity"] == "5"

    archive_month(server.services.database, server.shop.scope, tmp_path, DECEMBER, now=START)

    assert _usage(server).json() == before
    assert _send(server, *sent, delivery("ann", "late", DECEMBER.replace(day=9))) == (1, 5)
    assert _usage(server).json()["quantity"] == "6"
    amendment = {"source": "shop", "amends": "1", "id": "1b"}
    refused = server.call("POST", "/v1/events/amendments", json=amendment)
    assert (refused.status_code, refused.json()["code"]) == (409, "event_archived")
    assert "uptier db restore --month 2025-12" in refused.json()["detail"]


def test_a_file_that_is_gone_is_an_answer_and_never_a_smaller_number(server: Server, tmp_path: Path) -> None:
    """503 with the month, for what needs the file alone: other months and other tenants are served."""
    _send(server, delivery("ann", "1", DECEMBER), delivery("ann", "2", START))
    archive = archive_month(server.services.database, server.shop.scope, tmp_path, DECEMBER, now=START)
    Path(archive.path).unlink()

    answer = _usage(server)
    assert (answer.status_code, answer.json()["code"], answer.json()["month"]) == (503, "archive_unreadable", "2025-12")
    assert archive.path in answer.json()["detail"]
    assert _usage(server, "2026-01-01", "2026-02-01").json()["quantity"] == "1"
    theirs = {"customer": "cleo", "meter": "deliveries", "from": "2025-12-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    assert server.call("GET", "/v1/usage", params=theirs, key=server.other.opened.secret_key).json()["quantity"] == "0"
