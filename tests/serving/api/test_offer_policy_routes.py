"""The offer policy over HTTP: told in full, put whole, refused with the field's name, and switched off for the next decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.shop import delivery

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

PATH = "/v1/offers/policy"


def test_a_policy_is_told_in_full_and_put_whole(server: Server) -> None:
    """What is put is answered and told again; what is left out has its default."""
    before = server.call("GET", PATH).json()
    assert before["caps"]["person"] == {"most": 1, "window_hours": 168}

    wanted = {"first_days": 0, "caps": {"person": None}, "quiet_hours": {"start": "21:00", "end": "08:00"}}
    put = server.call("PUT", PATH, json=wanted).json()

    assert put == server.call("GET", PATH).json()
    assert put == {**before, **wanted, "caps": {**before["caps"], "person": None}}
    assert server.call("PUT", PATH, json={}).json() == before


@pytest.mark.parametrize(
    "body", [{"caps": {"everybody": None}}, {"explore": 2}, {"quiet_hours": {"start": "29:00", "end": "08:00"}}, []]
)
def test_what_cannot_be_kept_to_changes_nothing(server: Server, body: Any) -> None:
    """422, with a sentence about the field."""
    before = server.call("GET", PATH).json()
    answer = server.call("PUT", PATH, json=body)

    assert (answer.status_code, server.call("GET", PATH).json()) == (422, before)


def test_a_switch_holds_for_the_next_decision(server: Server, subscribed: dict[str, Any]) -> None:
    """The same question before, while and after everything is switched off."""
    server.call("PUT", PATH, json={"first_days": 0, "explore": 0})
    server.call("POST", "/v1/events", json=[delivery("ann", f"d-{number}") for number in range(3)])

    def ask() -> Any:
        return server.call("POST", "/v1/decisions", json={"customer": "ann"}).json()

    first = ask()
    assert (first["reason"], first["offer"]["target"]) == ("limit_near", "plus")
    assert server.call("PUT", "/v1/offers/killed/limit_near").json()["killed"] == ["limit_near"]
    assert (ask()["offer"], ask()["reason"]) == (None, "killed")
    assert server.call("DELETE", "/v1/offers/killed/limit_near").json()["killed"] == []
    assert ask() == first
