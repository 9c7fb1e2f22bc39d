"""While the database is away flags are still evaluated: rights as they were, usage by each feature's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.db.session import BusyError
from serving.gate import keyring
from serving.ofrep.server import Gathering

if TYPE_CHECKING:
    import pytest

    from tests.serving.ofrep.conftest import Ofrep


def _away(*_: object) -> Any:
    raise BusyError("away")


def test_flags_are_answered_from_what_was_read(
    ofrep: Ofrep, subscribed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key that was good; one that was never seen is told to try again."""
    assert subscribed
    assert ofrep.all().status_code == 200
    ofrep.server.services.gate.forget_everything()
    monkeypatch.setattr(keyring, "authenticate", _away)
    monkeypatch.setattr(ofrep.server.services.database, "view", _away)

    flags = ofrep.flags()

    limit = flags["deliveries"]
    assert (limit["value"], limit["reason"], limit["metadata"]["why"]) == (0, "UNKNOWN", "failed_closed")
    assert (flags["tastings"]["value"], flags["tastings"]["reason"]) == (False, "STATIC")
    assert ofrep.one("tastings").json()["metadata"]["version"].endswith("-cut-off")
    refused = ofrep.all(key=ofrep.server.shop.opened.publishable_key)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


class _Wire:
    """A transport that notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append(b"<closed>")

    def is_closing(self) -> bool:
        return b"<closed>" in self.done


class _Turn:
    """A loop that runs when told to."""

    def __init__(self) -> None:
        self.soon: list[Any] = []

    def call_soon(self, call: Any) -> None:
        self.soon.append(call)

    def turn(self) -> None:
        """Run what waits."""
        waiting, self.soon = self.soon, []
        for call in waiting:
            call()


def test_what_is_written_in_a_turn_leaves_together_and_before_the_end() -> None:
    """In order, once a turn, and nothing after the transport is closed."""
    wire, loop = _Wire(), _Turn()
    gathering: Any = Gathering(wire, loop)  # type: ignore[arg-type]
    gathering.write(b"head ")
    gathering.write(b"body")
    assert wire.done == []
    loop.turn()
    assert wire.done == [b"head body"]
    gathering.write(b"last")
    gathering.close()
    gathering.write(b"late")
    loop.turn()
    assert wire.done == [b"head body", b"last", b"<closed>"]
    assert gathering.is_closing()
