"""Rounds of sending to a real server: signed, in order, by any number of workers, through failures and deaths of workers."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from billing.kernel.clock import FrozenClock
from billing.webhooks.address import AddressRule
from billing.webhooks.deliver import LEASE
from billing.webhooks.delivery import DeliveryState
from billing.webhooks.post import HttpPost, Reply
from billing.webhooks.register import add_endpoint, change_endpoint, rotate_secret
from billing.webhooks.replay import replay_since
from billing.webhooks.signature import endpoint_secret
from billing.webhooks.store import DeliveryStore, EndpointStore
from serving.jobs.deliver import (
    MOST_AT_ONCE,
    MOST_OF_A_TENANT,
    DeliverReport,
    DeliveryLoop,
    deliver_due,
    forget_deliveries,
)
from serving.settings import Settings
from serving.wiring import Services, build
from tests.billing.webhooks.receiver import Receiver, receiving
from tests.shop import Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from billing.db.session import Database
    from billing.webhooks.delivery import Delivery
    from billing.webhooks.endpoint import Endpoint

LOCAL = AddressRule(allow_http=True, allow_private=True)
START = datetime.now(UTC).replace(microsecond=0)


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that is told things."""
    with receiving() as found:
        yield found


@pytest.fixture
def clock() -> FrozenClock:
    """The present; libraries that verify compare with the machine's clock."""
    return FrozenClock(START)


@pytest.fixture
def services(database: Database, tmp_path: Path, clock: FrozenClock) -> Iterator[Services]:
    """Services on each engine in turn, which may send to this machine."""
    settings = Settings(
        home=tmp_path / "home",
        database_url=database.url.render_as_string(hide_password=False),
        mlflow_uri="off",
        webhook_private_addresses=True,
        _env_file=None,
    )
    built = build(settings, clock=clock)
    yield built
    built.database.close()


@pytest.fixture
def shop(services: Services) -> Shop:
    """A shop whose opening was told to nobody."""
    opened = open_shop(services.database)
    deliver_due(services)
    return opened


def _listen(shop: Shop, url: str, *events: str) -> Endpoint:
    with shop.database.unit(shop.scope) as unit:
        return add_endpoint(unit, url=url, events=events or ("*",), rule=LOCAL, now=START)


def _tell(shop: Shop, *keys: str, kind: str = "order.made") -> None:
    with shop.database.unit(shop.scope) as unit:
        for key in keys:
            unit.emit(kind, key, {"key": key}, START)


def _keys(receiver: Receiver, path: str = "/ok") -> list[str]:
    return [each.document["data"]["key"] for each in receiver.on(path)]


def _deliveries(shop: Shop, endpoint: Endpoint) -> Sequence[Delivery]:
    with shop.database.view(shop.scope) as unit:
        return DeliveryStore(unit).page(endpoint.id, limit=500).items[::-1]


def _secret(services: Services, shop: Shop, endpoint: Endpoint, generation: int = 1) -> str:
    return endpoint_secret(services.secret, shop.scope.tenant_id, endpoint.id, generation)


def test_what_happens_is_told_signed_and_in_order(services: Services, shop: Shop, receiver: Receiver) -> None:
    """The public library takes every message; a second round sends nothing."""
    endpoint = _listen(shop, receiver.url(), "order.*")
    _tell(shop, "1", "2", "3")
    _tell(shop, "unheard", kind="plan.published")

    assert deliver_due(services) == DeliverReport(queued=4, delivered=3)
    assert deliver_due(services) == DeliverReport()

    assert _keys(receiver) == ["1", "2", "3"]
    verifier = Webhook(_secret(services, shop, endpoint))
    for request in receiver.received:
        document = verifier.verify(request.body, request.headers)
        assert (document["type"], set(document)) == ("order.made", {"type", "timestamp", "data"})
    assert [each.event_id for each in _deliveries(shop, endpoint)] == [each.id for each in receiver.received]


def test_during_a_rotation_both_secrets_verify(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """After it, the new one alone."""
    endpoint = _listen(shop, receiver.url())
    with shop.database.unit(shop.scope) as unit:
        rotate_secret(unit, endpoint.id, now=START, overlap=timedelta(minutes=1))
    old, new = (Webhook(_secret(services, shop, endpoint, generation)) for generation in (1, 2))
    _tell(shop, "1")
    deliver_due(services)
    clock.at = START + timedelta(minutes=1)
    _tell(shop, "2")
    deliver_due(services)

    during, after = receiver.received
    for verifier in (old, new):
        verifier.verify(during.body, during.headers)
    new.verify(after.body, after.headers)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert len(after.headers["webhook-signature"].split(" ")) == 1


def test_endpoints_that_misbehave_hold_nobody_else_up(services: Services, shop: Shop, receiver: Receiver) -> None:
    """Each failure is written down with its reason; the good endpoint has everything at once."""
    paths = ("/away", "/later", "/binary", "/close", "/huge", "/gone")
    receiver.answer_with("/gone", 410)
    bad = {path: _listen(shop, receiver.url(path)) for path in paths}
    _listen(shop, receiver.url())
    _tell(shop, "1", "2")

    deliver_due(services)

    assert _keys(receiver) == ["1", "2"]
    told = {path: _deliveries(shop, endpoint)[0] for path, endpoint in bad.items()}
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
    endpoint = _listen(shop, receiver.url("/drip"))
    _tell(shop, "1", "2")
    report = deliver_due(services, post=lambda _tenant: HttpPost(LOCAL, timeout_seconds=1))
    assert (report.delivered, report.failed) == (0, 1)
    first, second = _deliveries(shop, endpoint)
    assert (first.last_error, first.attempts, second.attempts) == ("timed_out", 1, 0)


def test_retries_carry_the_same_id_and_body_and_a_new_time(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """Three failures, then it is taken; what waited behind it follows."""
    receiver.answer_with("/ok", 500, 503, 429, 200)
    _listen(shop, receiver.url())
    _tell(shop, "1", "2")
    for wait in (0, 6, 331, 1981):
        clock.at += timedelta(seconds=wait)
        deliver_due(services, rng=Random(7))

    assert _keys(receiver) == ["1", "1", "1", "1", "2"]
    tries = receiver.received[:4]
    assert len({each.id for each in tries}) == len({each.body for each in tries}) == 1
    assert len({each.headers["webhook-timestamp"] for each in tries}) == 4


def test_workers_side_by_side_send_each_message_once_and_in_order(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """Four of them over two endpoints: no endpoint is ever asked twice at once."""
    paths = ("/one", "/two")
    for path in paths:
        _listen(shop, receiver.url(path))
    keys = [str(number) for number in range(25)]
    _tell(shop, *keys)

    reports = together(4, lambda _number: deliver_due(services))
    while deliver_due(services).delivered:
        pass

    assert not [each for each in reports if isinstance(each, Exception)]
    for path in paths:
        assert _keys(receiver, path) == keys
    assert receiver.most_at_once == 1


def test_a_worker_that_is_killed_between_sending_and_writing_sends_again(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """The same id, when the lease has ended; the messages after it keep their order."""
    _listen(shop, receiver.url())
    _tell(shop, "1", "2")

    class Dying:
        def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
            HttpPost(LOCAL)(url, headers, body)
            raise KilledError

    with pytest.raises(KilledError):
        deliver_due(services, post=lambda _tenant: Dying())
    assert deliver_due(services) == DeliverReport()
    clock.at = START + LEASE
    deliver_due(services)

    assert _keys(receiver) == ["1", "1", "2"]
    assert Counter(each.id for each in receiver.received).most_common(1)[0][1] == 2


def test_a_bug_in_sending_ends_neither_the_round_nor_the_others(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """It is logged; the lease ends by itself."""
    broken, good = _listen(shop, receiver.url("/bug")), _listen(shop, receiver.url())
    _tell(shop, "1")

    def post(url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if url.endswith("/bug"):
            raise RuntimeError
        return HttpPost(LOCAL)(url, headers, body)

    with capture_logs() as logs:
        report = deliver_due(services, post=lambda _tenant: post)

    assert report.delivered == 1
    assert [each["endpoint"] for each in logs if each["log_level"] == "error"] == [broken.id]
    assert _deliveries(shop, good)[0].state is DeliveryState.DELIVERED


def test_after_days_of_silence_a_shop_enables_and_replays(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """Disabled after five days; the other endpoint hears of it; then everything that was missed comes in order."""
    clock.at += timedelta(minutes=1)
    told_from = clock.at
    receiver.answer_with("/ok", 500)
    endpoint = _listen(shop, receiver.url())
    _listen(shop, receiver.url("/watch"), "webhook_endpoint.*")
    _tell(shop, "1", "2")
    for _ in range(11):
        deliver_due(services)
        clock.at += timedelta(hours=12)
    _tell(shop, "3")
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
    endpoint = _listen(shop, receiver.url())
    _tell(shop, "1")
    with services.database.engine.begin() as connection:
        if not services.database.is_sqlite:
            connection.execute(text("SELECT set_config('uptier.tenant_id', 'platform', true)"))
        connection.execute(text("UPDATE tenants SET mode = 'live', frozen_at = NULL"))
    deliver_due(services)
    assert receiver.received == []
    assert _deliveries(shop, endpoint)[0].last_error == "address_refused"


def test_every_tenants_messages_are_its_own(services: Services, shop: Shop, receiver: Receiver) -> None:
    """Each signed with its own secret."""
    other = open_shop(services.database, "Leaf Lane")
    deliver_due(services)
    ours, theirs = _listen(shop, receiver.url("/ours")), _listen(other, receiver.url("/theirs"))
    _tell(shop, "a")
    _tell(other, "b")
    deliver_due(services)
    assert (_keys(receiver, "/ours"), _keys(receiver, "/theirs")) == (["a"], ["b"])
    for who, endpoint, path in ((shop, ours, "/ours"), (other, theirs, "/theirs")):
        (request,) = receiver.on(path)
        Webhook(_secret(services, who, endpoint)).verify(request.body, request.headers)


def test_old_deliveries_are_forgotten(services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock) -> None:
    """A month after they were settled."""
    endpoint = _listen(shop, receiver.url())
    _tell(shop, "1")
    deliver_due(services)
    clock.at = START + timedelta(days=30)
    assert forget_deliveries(services) == 0
    clock.at += timedelta(seconds=1)
    assert forget_deliveries(services) == 1
    assert _deliveries(shop, endpoint) == ()


def test_the_loop_delivers_and_ends_when_it_is_told(services: Services, shop: Shop, receiver: Receiver) -> None:
    """In a thread of its own."""
    _listen(shop, receiver.url())
    _tell(shop, "1")
    loop = DeliveryLoop(services)
    loop.start()
    try:
        assert receiver.told.wait(30)
    finally:
        loop.stop()
    assert _keys(receiver) == ["1"]
    assert "uptier-webhooks" not in {thread.name for thread in threading.enumerate()}


def test_a_tenant_whose_endpoints_are_all_slow_does_not_hold_another_up(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """Some of its requests are still open when the other's message has arrived."""
    other = open_shop(services.database, "Leaf Lane")
    deliver_due(services)
    for _ in range(MOST_AT_ONCE):
        _listen(shop, receiver.url("/drip"))
    _tell(shop, "slow")
    loop = DeliveryLoop(services)
    loop.start()
    try:
        assert receiver.told.wait(30)
        _listen(other, receiver.url())
        _tell(other, "quick")
        assert receiver.wait_for("/ok", seconds=10)
        assert receiver.inside("/drip") > 0
    finally:
        receiver.halt.set()
        loop.stop()
    assert len(receiver.on("/drip")) <= MOST_OF_A_TENANT * 2
