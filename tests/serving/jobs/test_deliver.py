"""Rounds of sending to a real server: signed, in order, again after failures, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import text
from standardwebhooks import Webhook

from billing.webhooks.post import HttpPost
from billing.webhooks.register import change_endpoint, rotate_secret
from billing.webhooks.replay import replay_since
from billing.webhooks.store import EndpointStore
from serving.jobs.deliver import DeliverReport, deliver_due, forget_deliveries
from tests.serving.jobs.told import LOCAL, START, deliveries_of, keys_of, listen, secret_of, tell, verified
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.kernel.clock import FrozenClock
    from serving.wiring import Services
    from tests.billing.webhooks.receiver import Receiver


def test_what_happens_is_told_signed_and_in_order(services: Services, shop: Shop, receiver: Receiver) -> None:
    """The public library takes every message; a second round sends nothing."""
    endpoint = listen(shop, receiver.url(), "order.*")
    tell(shop, "1", "2", "3")
    tell(shop, "unheard", kind="plan.published")

    assert deliver_due(services) == DeliverReport(queued=4, delivered=3)
    assert deliver_due(services) == DeliverReport()

    assert keys_of(receiver) == ["1", "2", "3"]
    verifier = Webhook(secret_of(services, shop, endpoint))
    for request in receiver.received:
        document = verified(verifier, request)
        assert (document["type"], set(document)) == ("order.made", {"type", "timestamp", "data"})
    assert [each.event_id for each in deliveries_of(shop, endpoint)] == [each.id for each in receiver.received]


def test_during_a_rotation_both_secrets_verify(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """After it, the new one alone."""
    endpoint = listen(shop, receiver.url())
    with shop.database.unit(shop.scope) as unit:
        rotate_secret(unit, endpoint.id, now=START, overlap=timedelta(minutes=1))
    old, new = (Webhook(secret_of(services, shop, endpoint, generation)) for generation in (1, 2))
    tell(shop, "1")
    deliver_due(services)
    clock.at = START + timedelta(minutes=1)
    tell(shop, "2")
    deliver_due(services)

    during, after = receiver.received
    for verifier in (old, new):
        verified(verifier, during)
    verified(new, after)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert len(after.headers["webhook-signature"].split(" ")) == 1


def test_endpoints_that_misbehave_hold_nobody_else_up(services: Services, shop: Shop, receiver: Receiver) -> None:
    """Each failure is written down with its reason; the good endpoint has everything at once."""
    paths = ("/away", "/later", "/binary", "/close", "/huge", "/gone")
    receiver.answer_with("/gone", 410)
    bad = {path: listen(shop, receiver.url(path)) for path in paths}
    listen(shop, receiver.url())
    tell(shop, "1", "2")

    deliver_due(services)

    assert keys_of(receiver) == ["1", "2"]
    told = {path: deliveries_of(shop, endpoint)[0] for path, endpoint in bad.items()}
    assert {path: (each.state.value, each.last_status, each.last_error) for path, each in told.items()} == {
        "/away": ("waiting", 302, "redirected"),
        "/later": ("waiting", 503, "refused"),
        "/binary": ("waiting", 500, "refused"),
        "/close": ("waiting", None, "broken_answer"),
        "/huge": ("delivered", 200, None),
        "/gone": ("failed", 410, "refused"),
    }
    assert told["/later"].next_attempt_at == START + timedelta(hours=2)
    with shop.database.view(shop.scope) as unit:
        assert not EndpointStore(unit).get(bad["/gone"].id).is_enabled
    assert receiver.on("/inside") == []
    assert {
        path: len(receiver.on(path)) for path in ("/away", "/later", "/binary", "/close", "/gone")
    } == dict.fromkeys(("/away", "/later", "/binary", "/close", "/gone"), 1)


def test_a_slow_endpoint_is_left_in_time(services: Services, shop: Shop, receiver: Receiver) -> None:
    """And tried again with the same id when its time has come, the later message behind it."""
    endpoint = listen(shop, receiver.url("/drip"))
    tell(shop, "1", "2")
    report = deliver_due(services, post=lambda _tenant: HttpPost(LOCAL, timeout_seconds=1))
    assert (report.delivered, report.failed) == (0, 1)
    first, second = deliveries_of(shop, endpoint)
    assert (first.last_error, first.attempts, second.attempts) == ("timed_out", 1, 0)


def test_retries_carry_the_same_id_and_body_and_a_new_time(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """Three failures, then it is taken; what waited behind it follows."""
    receiver.answer_with("/ok", 500, 503, 429, 200)
    listen(shop, receiver.url())
    tell(shop, "1", "2")
    for wait in (0, 6, 331, 1981):
        clock.at += timedelta(seconds=wait)
        deliver_due(services, rng=Random(7))

    assert keys_of(receiver) == ["1", "1", "1", "1", "2"]
    tries = receiver.received[:4]
    assert len({each.id for each in tries}) == len({each.body for each in tries}) == 1
    assert len({each.headers["webhook-timestamp"] for each in tries}) == 4


def test_after_days_of_silence_a_shop_enables_and_replays(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """Disabled after five days; the other endpoint hears of it; then everything that was missed comes in order."""
    clock.at += timedelta(minutes=1)
    told_from = clock.at
    receiver.answer_with("/ok", 500)
    endpoint = listen(shop, receiver.url())
    listen(shop, receiver.url("/watch"), "webhook_endpoint.*")
    tell(shop, "1", "2")
    for _ in range(11):
        deliver_due(services)
        clock.at += timedelta(hours=12)
    tell(shop, "3")
    deliver_due(services)
    assert [each.document["data"]["reason"] for each in receiver.on("/watch")] == ["failing"]
    receiver.received.clear()
    receiver.answer_with("/ok", 200)
    with shop.database.unit(shop.scope) as unit:
        change_endpoint(unit, endpoint.id, is_enabled=True, rule=LOCAL, now=clock.at)
        assert replay_since(unit, endpoint.id, since=told_from, now=clock.at, kept=timedelta(days=30)) == 4

    deliver_due(services)

    assert [each.document["data"].get("key", "disabled") for each in receiver.on("/ok")] == ["1", "2", "disabled", "3"]


def test_a_live_tenant_is_told_encrypted_or_not_at_all(services: Services, shop: Shop, receiver: Receiver) -> None:
    """An endpoint that was made in test mode is refused when its tenant lives."""
    endpoint = listen(shop, receiver.url())
    tell(shop, "1")
    with services.database.engine.begin() as connection:
        if not services.database.is_sqlite:
            connection.execute(text("SELECT set_config('uptier.tenant_id', 'platform', true)"))
        connection.execute(text("UPDATE tenants SET mode = 'live', frozen_at = NULL"))
    deliver_due(services)
    assert receiver.received == []
    assert deliveries_of(shop, endpoint)[0].last_error == "address_refused"


def test_every_tenants_messages_are_its_own(services: Services, shop: Shop, receiver: Receiver) -> None:
    """Each signed with its own secret."""
    other = open_shop(services.database, "Leaf Lane")
    deliver_due(services)
    ours, theirs = listen(shop, receiver.url("/ours")), listen(other, receiver.url("/theirs"))
    tell(shop, "a")
    tell(other, "b")
    deliver_due(services)
    assert (keys_of(receiver, "/ours"), keys_of(receiver, "/theirs")) == (["a"], ["b"])
    for who, endpoint, path in ((shop, ours, "/ours"), (other, theirs, "/theirs")):
        (request,) = receiver.on(path)
        verified(Webhook(secret_of(services, who, endpoint)), request)


def test_old_deliveries_are_forgotten(services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock) -> None:
    """A month after they were settled."""
    endpoint = listen(shop, receiver.url())
    tell(shop, "1")
    deliver_due(services)
    clock.at = START + timedelta(days=30)
    assert forget_deliveries(services) == 0
    clock.at += timedelta(seconds=1)
    assert forget_deliveries(services) == 1
    assert deliveries_of(shop, endpoint) == ()
