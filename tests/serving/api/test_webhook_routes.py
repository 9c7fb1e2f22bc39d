"""Webhook endpoints over HTTP: a secret that is shown when it is made, what became of each message, and sending again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from billing.webhooks.post import Reply
from serving.jobs.deliver import deliver_due

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

PATH = "/v1/webhook-endpoints"
URL = "https://shop.example/hooks"


@pytest.fixture
def made(server: Server) -> dict[str, Any]:
    """An endpoint that hears everything, as the API answers it."""
    answer = server.call("POST", PATH, json={"url": URL, "description": "the till"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _deliver(server: Server, status: int = 200) -> None:
    deliver_due(server.services, post=lambda _tenant: lambda *_: Reply(status=status, excerpt="noted"))


def test_the_secret_is_shown_when_it_is_made_and_not_again(server: Server, made: dict[str, Any]) -> None:
    """Nor is it stored: what is kept of a request with a key does not hold it either, and yet it is answered again."""
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["enabled"]) == (["*"], True)
    assert "secret" not in server.call("GET", f"{PATH}/{made['id']}").json()
    assert "whsec_" not in server.call("GET", PATH).text
    once = {"Idempotency-Key": "hook-1"}
    first, again = (server.call("POST", PATH, json={"url": URL}, headers=once) for _ in range(2))

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(server.call("GET", PATH).json()["items"]) == 2
    assert "whsec_" not in _stored(server)


def _stored(server: Server) -> str:
    """Every kept answer, as the database has it."""
    with server.services.database.engine.begin() as connection:
        if not server.services.database.is_sqlite:
            tenant = {"tenant": server.shop.scope.tenant_id}
            connection.execute(text("SELECT set_config('uptier.tenant_id', :tenant, true)"), tenant)
        found = str(list(connection.execute(text("SELECT body FROM replays"))))
    assert URL in found
    return found


def test_a_rotation_gives_another_secret(server: Server, made: dict[str, Any]) -> None:
    """And says until when the old one signs; with no overlap, that is over at once."""
    rotated = server.call("POST", f"{PATH}/{made['id']}/rotate-secret").json()
    assert rotated["secret"] not in {made["secret"], None}
    assert rotated["old_secret_until"] is not None
    too_long = server.call("POST", f"{PATH}/{made['id']}/rotate-secret", json={"overlap_hours": 169})
    assert too_long.status_code == 422
    last = server.call("POST", f"{PATH}/{made['id']}/rotate-secret", json={"overlap_hours": 0}).json()
    assert len({made["secret"], rotated["secret"], last["secret"]}) == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://127.0.0.1/"}, "webhook_address_refused"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "webhook_address_refused"),
        ({"url": "https://u:p@shop.example/"}, "webhook_address_refused"),
        ({"url": "https://shop.example:22/"}, "webhook_address_refused"),
        ({"url": URL, "events": ["Invoice Paid"]}, "invalid_webhook_endpoint"),
        ({"url": URL, "events": []}, "invalid_request"),
        ({"url": URL, "description": "a\x00"}, "invalid_webhook_endpoint"),
        ({}, "invalid_request"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(server: Server, body: dict[str, Any], code: str) -> None:
    """With a sentence, and nothing kept."""
    answer = server.call("POST", PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert server.call("GET", PATH).json()["items"] == []


def test_an_endpoint_is_changed_and_removed(server: Server, made: dict[str, Any]) -> None:
    """What is left out stays."""
    path = f"{PATH}/{made['id']}"
    changed = server.call("PATCH", path, json={"events": ["invoice.*"], "enabled": False}).json()
    assert (changed["events"], changed["enabled"], changed["disabled_reason"]) == (["invoice.*"], False, "requested")
    assert changed["description"] == "the till"
    assert server.call("POST", f"{path}/test").json()["code"] == "webhook_endpoint_disabled"
    assert server.call("PATCH", path, json={"enabled": True}).json()["disabled_reason"] is None
    assert server.call("DELETE", path).status_code == 204
    assert server.call("GET", path).json()["code"] == "webhook_endpoint_not_found"


def test_deliveries_are_listed_and_sent_again(server: Server, made: dict[str, Any]) -> None:
    """A test message fails, is listed with the answer, and is sent again with its id."""
    path = f"{PATH}/{made['id']}"
    sent = server.call("POST", f"{path}/test")
    assert (sent.status_code, sent.json()["state"], sent.json()["type"]) == (202, "waiting", "webhook.test")
    _deliver(server, 500)
    (shown,) = server.call("GET", f"{path}/deliveries", params={"state": "waiting"}).json()["items"]
    assert (shown["attempts"], shown["last_status"], shown["excerpt"]) == (1, 500, "noted")

    again = server.call("POST", f"{path}/deliveries/{shown['id']}/replay")
    _deliver(server)

    assert (again.status_code, again.json()["message"]) == (202, shown["message"])
    assert server.call("GET", f"{path}/deliveries/{shown['id']}").json()["state"] == "delivered"
    assert server.call("GET", f"{path}/deliveries/whd_none").json()["code"] == "webhook_delivery_not_found"


def test_the_list_has_pages(server: Server, made: dict[str, Any]) -> None:
    """Newest first, each once."""
    path = f"{PATH}/{made['id']}"
    ids = [server.call("POST", f"{path}/test").json()["id"] for _ in range(3)]
    first = server.call("GET", f"{path}/deliveries", params={"limit": 2}).json()
    rest = server.call("GET", f"{path}/deliveries", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["next_cursor"] is None


def test_a_business_hears_of_its_subscriptions_and_what_it_missed(
    server: Server, made: dict[str, Any], subscribed: dict[str, Any]
) -> None:
    """Facts of the business itself; after a time disabled, the replay queues what came meanwhile."""
    path = f"{PATH}/{made['id']}"
    _deliver(server)
    kinds = [each["type"] for each in server.call("GET", f"{path}/deliveries").json()["items"]]
    assert "subscription.started" in kinds
    server.call("PATCH", path, json={"enabled": False})
    since = made["created_at"]
    server.call("POST", f"/v1/subscriptions/{subscribed['id']}/cancel", json={"when": "now"})
    _deliver(server)
    server.call("PATCH", path, json={"enabled": True})

    queued = server.call("POST", f"{path}/replay", json={"since": since})

    assert queued.status_code == 202
    assert queued.json()["queued"] >= 1
    old = server.call("POST", f"{path}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert (old.status_code, old.json()["code"]) == (422, "invalid_webhook_replay")


def test_another_tenant_finds_none_of_it(server: Server, made: dict[str, Any]) -> None:
    """Every route that names an endpoint or a delivery answers 404, and changes nothing."""
    path = f"{PATH}/{made['id']}"
    delivery = f"{path}/deliveries/{server.call('POST', f'{path}/test').json()['id']}"
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", path, None),
        ("PATCH", path, {"enabled": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate-secret", None),
        ("POST", f"{path}/test", None),
        ("GET", f"{path}/deliveries", None),
        ("GET", delivery, None),
        ("POST", f"{delivery}/replay", None),
        ("POST", f"{path}/replay", {"since": made["created_at"]}),
    ]
    for method, where, body in calls:
        assert server.call(method, where, json=body, key="").status_code == 401, where
        answer = server.call(method, where, json=body, key=server.other.opened.secret_key)
        assert (answer.status_code, answer.json()["code"][:8]) == (404, "webhook_"), where
    assert server.call("GET", path).json() == {name: made[name] for name in made if name != "secret"}
    assert server.call("GET", PATH, key=server.other.opened.secret_key).json()["items"] == []
