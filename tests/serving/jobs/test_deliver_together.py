"""Senders beside each other, and senders that die: nothing is lost, nothing overtakes, nobody holds up another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from billing.webhooks.deliver import LEASE
from billing.webhooks.delivery import DeliveryState
from billing.webhooks.post import HttpPost, Reply
from serving.jobs.deliver import MOST_AT_ONCE, MOST_OF_A_TENANT, DeliverReport, DeliveryLoop, deliver_due
from tests.serving.jobs.told import LOCAL, START, deliveries_of, keys_of, listen, tell
from tests.shop import Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.kernel.clock import FrozenClock
    from serving.wiring import Services
    from tests.billing.webhooks.receiver import Receiver


class KilledError(BaseException):
    """The process ends here."""


def test_workers_side_by_side_send_each_message_once_and_in_order(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """Four of them over two endpoints: no endpoint is ever asked twice at once."""
    paths = ("/one", "/two")
    for path in paths:
        listen(shop, receiver.url(path))
    keys = [str(number) for number in range(25)]
    tell(shop, *keys)

    reports = together(4, lambda _number: deliver_due(services))
    while deliver_due(services).delivered:
        pass

    assert not [each for each in reports if isinstance(each, Exception)]
    for path in paths:
        assert keys_of(receiver, path) == keys
    assert receiver.most_at_once == 1


def test_a_worker_that_is_killed_between_sending_and_writing_sends_again(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """The same id, when the lease has ended; the messages after it keep their order."""
    listen(shop, receiver.url())
    tell(shop, "1", "2")

    class Dying:
        def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
            HttpPost(LOCAL)(url, headers, body)
            raise KilledError

    with pytest.raises(KilledError):
        deliver_due(services, post=lambda _tenant: Dying())
    assert deliver_due(services) == DeliverReport()
    clock.at = START + LEASE
    deliver_due(services)

    assert keys_of(receiver) == ["1", "1", "2"]
    assert Counter(each.id for each in receiver.received).most_common(1)[0][1] == 2


def test_a_process_that_is_killed_while_it_sends_loses_nothing(
    services: Services, shop: Shop, receiver: Receiver, clock: FrozenClock
) -> None:
    """A real one, by a signal that nobody can catch; another sends the same message again when the lease has ended."""
    listen(shop, receiver.url("/hold"))
    tell(shop, "1", "2")
    program = (
        "from serving.jobs.deliver import deliver_due; from serving.settings import Settings;"
        " from serving.wiring import build; deliver_due(build(Settings()))"
    )
    given = {
        "UPTIER_HOME": str(services.settings.home),
        "UPTIER_DATABASE_URL": services.settings.database_url,
        "UPTIER_MLFLOW_URI": "off",
        "UPTIER_WEBHOOK_PRIVATE_ADDRESSES": "true",
    }
    worker = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **given})
    try:
        assert receiver.told.wait(30)
    finally:
        worker.kill()
        worker.wait(30)
    assert deliver_due(services) == DeliverReport()
    clock.at = datetime.now(UTC) + LEASE
    deliver_due(services)

    assert keys_of(receiver, "/hold") == ["1", "1", "2"]
    first, again, _ = receiver.received
    assert (first.id, first.body) == (again.id, again.body)


def test_a_bug_in_sending_ends_neither_the_round_nor_the_others(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """It is logged; the lease ends by itself."""
    broken, good = listen(shop, receiver.url("/bug")), listen(shop, receiver.url())
    tell(shop, "1")

    def post(url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if url.endswith("/bug"):
            raise RuntimeError
        return HttpPost(LOCAL)(url, headers, body)

    with capture_logs() as logs:
        report = deliver_due(services, post=lambda _tenant: post)

    assert report.delivered == 1
    assert [each["endpoint"] for each in logs if each["log_level"] == "error"] == [broken.id]
    assert deliveries_of(shop, good)[0].state is DeliveryState.DELIVERED


def test_the_loop_delivers_and_ends_when_it_is_told(services: Services, shop: Shop, receiver: Receiver) -> None:
    """In a thread of its own."""
    listen(shop, receiver.url())
    tell(shop, "1")
    loop = DeliveryLoop(services)
    loop.start()
    try:
        assert receiver.told.wait(30)
    finally:
        loop.stop()
    assert keys_of(receiver) == ["1"]
    assert "uptier-webhooks" not in {thread.name for thread in threading.enumerate()}


def test_a_tenant_whose_endpoints_are_all_slow_does_not_hold_another_up(
    services: Services, shop: Shop, receiver: Receiver
) -> None:
    """Some of its requests are still open when the other's message has arrived."""
    other = open_shop(services.database, "Leaf Lane")
    deliver_due(services)
    for _ in range(MOST_AT_ONCE):
        listen(shop, receiver.url("/drip"))
    tell(shop, "slow")
    loop = DeliveryLoop(services)
    loop.start()
    try:
        assert receiver.told.wait(30)
        listen(other, receiver.url())
        tell(other, "quick")
        assert receiver.wait_for("/ok", seconds=10)
        assert receiver.inside("/drip") > 0
    finally:
        receiver.halt.set()
        loop.stop()
    assert len(receiver.on("/drip")) <= MOST_OF_A_TENANT * 2
