"""Sending again: with the same ids, behind what waits, what was missed and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.webhooks.delivery import DeliveryNotFoundError
from billing.webhooks.endpoint import EndpointDisabledError
from billing.webhooks.register import change_endpoint, send_test
from billing.webhooks.replay import ReplayError, replay_one, replay_since
from tests.billing.webhooks.hooks import (
    BROKEN,
    GONE,
    NOW,
    OK,
    RULE,
    answer,
    deliveries_of,
    drain,
    listen,
    pass_on,
    tell,
)

if TYPE_CHECKING:
    from tests.shop import Shop

DAY, KEPT = timedelta(days=1), timedelta(days=30)


def _replay(shop: Shop, endpoint_id: str, **options: Any) -> int:
    with shop.database.unit(shop.scope) as unit:
        given = {"since": NOW - DAY, "now": NOW + DAY, "kept": KEPT, **options}
        return replay_since(unit, endpoint_id, **given)


def _enable(shop: Shop, endpoint_id: str, *, is_enabled: bool = True) -> None:
    with shop.database.unit(shop.scope) as unit:
        change_endpoint(unit, endpoint_id, is_enabled=is_enabled, rule=RULE, now=NOW)


def test_one_message_is_sent_again_with_the_id_it_had(shop: Shop) -> None:
    """As often as it is asked for, behind what waits."""
    endpoint = listen(shop)
    tell(shop, "1", "2")
    pass_on(shop)
    first = answer(shop, endpoint.id, OK)
    done = deliveries_of(shop, endpoint.id)[0]
    for _ in range(2):
        with shop.database.unit(shop.scope) as unit:
            replay_one(unit, endpoint.id, done.id, now=NOW)

    assert drain(shop, endpoint.id) == ["2", "1"]
    assert first is not None
    assert deliveries_of(shop, endpoint.id)[0].event_id == first[1]
    with pytest.raises(DeliveryNotFoundError), shop.database.unit(shop.scope) as unit:
        replay_one(unit, endpoint.id, "whd_none", now=NOW)


def test_a_message_that_waits_for_its_next_attempt_is_tried_at_once(shop: Shop) -> None:
    """In its own place, with all its attempts before it."""
    endpoint = listen(shop)
    tell(shop, "1", "2")
    pass_on(shop)
    answer(shop, endpoint.id, BROKEN)
    with shop.database.unit(shop.scope) as unit:
        again = replay_one(unit, endpoint.id, deliveries_of(shop, endpoint.id)[0].id, now=NOW)
    assert again.attempts == 0
    assert drain(shop, endpoint.id) == ["1", "2"]


def test_what_was_missed_while_disabled_comes_back_in_order(shop: Shop) -> None:
    """What failed, what was skipped, and what came meanwhile; not what was delivered, and not twice."""
    endpoint = listen(shop, "order.*")
    tell(shop, "delivered", "failed", "skipped")
    pass_on(shop)
    answer(shop, endpoint.id, OK)
    answer(shop, endpoint.id, GONE)
    tell(shop, "meanwhile")
    tell(shop, "unheard", kind="invoice.paid")
    pass_on(shop)
    with pytest.raises(EndpointDisabledError):
        _replay(shop, endpoint.id)
    _enable(shop, endpoint.id)

    assert _replay(shop, endpoint.id) == 3
    assert _replay(shop, endpoint.id) == 0
    assert drain(shop, endpoint.id, NOW + DAY) == ["failed", "skipped", "meanwhile"]
    assert _replay(shop, endpoint.id, everything=True) == 4
    assert drain(shop, endpoint.id, NOW + DAY) == ["delivered", "failed", "skipped", "meanwhile"]


def test_the_time_of_a_replay_is_half_open_and_not_longer_than_what_is_kept(shop: Shop) -> None:
    """By when the facts were passed on."""
    endpoint = listen(shop)
    _enable(shop, endpoint.id, is_enabled=False)
    pass_on(shop, NOW - 2 * DAY)
    for number in range(3):
        tell(shop, str(number))
        pass_on(shop, NOW + number * DAY)
    _enable(shop, endpoint.id)

    assert _replay(shop, endpoint.id, since=NOW + DAY, until=NOW + 2 * DAY, now=NOW + 3 * DAY) == 1
    assert drain(shop, endpoint.id, NOW + 3 * DAY) == ["1"]
    with pytest.raises(ReplayError):
        _replay(shop, endpoint.id, since=NOW, now=NOW + KEPT + DAY)


def test_a_test_message_is_for_its_endpoint_alone(shop: Shop) -> None:
    """Whatever it listens to; no other hears it, and no replay repeats it."""
    endpoint, other = listen(shop, "invoice.*"), listen(shop)
    with shop.database.unit(shop.scope) as unit:
        send_test(unit, endpoint.id, now=NOW)
    pass_on(shop)
    assert drain(shop, endpoint.id) == ["webhook.test"]
    assert "webhook.test" not in drain(shop, other.id)
    _replay(shop, other.id, everything=True)
    assert "webhook.test" not in drain(shop, other.id, NOW + DAY)
    _enable(shop, endpoint.id, is_enabled=False)
    with pytest.raises(EndpointDisabledError), shop.database.unit(shop.scope) as unit:
        send_test(unit, endpoint.id, now=NOW)
