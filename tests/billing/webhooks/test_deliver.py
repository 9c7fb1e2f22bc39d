"""Deliveries of an endpoint go out in order, one at a time, at least once, until they succeed or are given up."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.webhooks.deliver import LEASE, claim, settle
from billing.webhooks.delivery import DISABLED_KIND
from billing.webhooks.endpoint import DisabledFor
from billing.webhooks.post import TIMEOUT_SECONDS
from billing.webhooks.register import change_endpoint, remove_endpoint
from billing.webhooks.schedule import BACK_OFF, MOST_ATTEMPTS
from billing.webhooks.store import DeliveryStore, EndpointStore
from tests.billing.webhooks.hooks import (
    BROKEN,
    GONE,
    NOW,
    OK,
    RULE,
    answer,
    deliveries_of,
    drain,
    endpoint_of,
    listen,
    pass_on,
    states_of,
    tell,
)
from tests.threads import together

if TYPE_CHECKING:
    from billing.webhooks.deliver import Claim
    from billing.webhooks.endpoint import Endpoint
    from tests.shop import Shop

HOUR = timedelta(hours=1)


@pytest.fixture
def endpoint(shop: Shop) -> Endpoint:
    """An endpoint for which three messages wait."""
    pass_on(shop)
    made = listen(shop)
    tell(shop, "1", "2", "3")
    pass_on(shop)
    return made


def _claim(shop: Shop, endpoint: Endpoint, now: object = NOW) -> Claim | None:
    with shop.database.unit(shop.scope) as unit:
        return claim(unit, endpoint.id, now=now)  # type: ignore[arg-type]


def _due(shop: Shop, now: object = NOW) -> list[str]:
    with shop.database.view(shop.scope) as unit:
        return EndpointStore(unit).due(now)  # type: ignore[arg-type]


def test_a_failure_holds_back_what_comes_after_it_and_no_other_endpoint(shop: Shop, endpoint: Endpoint) -> None:
    """Until its next attempt succeeds, with the same id."""
    other = listen(shop)
    tell(shop, "4")
    pass_on(shop)
    first = answer(shop, endpoint.id, BROKEN)
    assert first is not None

    assert answer(shop, endpoint.id, OK) is None
    assert drain(shop, other.id) == ["4"]
    assert answer(shop, endpoint.id, OK, NOW + timedelta(seconds=6)) == first
    assert drain(shop, endpoint.id, NOW + timedelta(seconds=6)) == ["2", "3", "4"]
    assert states_of(shop, endpoint.id) == ["delivered"] * 4


def test_who_is_due_is_who_can_be_sent_to(shop: Shop, endpoint: Endpoint) -> None:
    """Not while leased, not before the next attempt, not with nothing waiting."""
    assert _due(shop) == [endpoint.id]
    _claim(shop, endpoint)
    assert _due(shop) == []
    assert _due(shop, NOW + LEASE) == [endpoint.id]
    answer(shop, endpoint.id, BROKEN, NOW + LEASE)
    assert _due(shop, NOW + LEASE + BACK_OFF[2] - timedelta(seconds=1)) == []
    later = NOW + LEASE + BACK_OFF[2] * 11 / 10
    assert _due(shop, later) == [endpoint.id]
    drain(shop, endpoint.id, later)
    assert _due(shop, later + 100 * HOUR) == []


def test_of_many_workers_one_has_the_endpoint(shop: Shop, endpoint: Endpoint) -> None:
    """The others find nothing to do, and wait for nobody."""
    found = together(6, lambda _number: _claim(shop, endpoint))
    assert len([each for each in found if each is not None]) == 1


def test_who_is_killed_after_sending_sends_again_with_the_same_id(shop: Shop, endpoint: Endpoint) -> None:
    """Once the lease has ended, and not before; a lease lasts longer than any request."""
    assert timedelta(seconds=TIMEOUT_SECONDS) * 2 < LEASE
    sent = _claim(shop, endpoint)
    assert sent is not None

    assert _claim(shop, endpoint, NOW + LEASE - timedelta(microseconds=1)) is None
    again = answer(shop, endpoint.id, OK, NOW + LEASE)

    assert again == ("1", sent.fact.id)
    assert deliveries_of(shop, endpoint.id)[0].attempts == 2
    assert drain(shop, endpoint.id, NOW + LEASE) == ["2", "3"]


def test_who_comes_back_after_its_lease_was_taken_writes_nothing(shop: Shop, endpoint: Endpoint) -> None:
    """What the present holder finds out counts."""
    slow = _claim(shop, endpoint)
    present = _claim(shop, endpoint, NOW + LEASE)
    assert slow is not None
    assert present is not None
    with shop.database.unit(shop.scope) as unit:
        assert settle(unit, slow, GONE, now=NOW + LEASE, rng=Random(1)) is None
    assert endpoint_of(shop, endpoint.id).lease == present.lease
    with shop.database.unit(shop.scope) as unit:
        assert settle(unit, present, OK, now=NOW + LEASE, rng=Random(1)) is not None
    assert states_of(shop, endpoint.id) == ["delivered", "waiting", "waiting"]


def test_workers_that_die_each_time_do_not_go_on_for_ever(shop: Shop, endpoint: Endpoint) -> None:
    """A message that was begun ten times without an answer gives way to the next."""
    now = NOW
    for _ in range(MOST_ATTEMPTS):
        assert _claim(shop, endpoint, now) is not None
        now += LEASE
    assert answer(shop, endpoint.id, OK, now) == ("2", deliveries_of(shop, endpoint.id)[1].event_id)
    assert deliveries_of(shop, endpoint.id)[0].last_error == "never_answered"


def test_a_message_is_given_up_after_ten_attempts_and_the_next_has_its_turn(shop: Shop, endpoint: Endpoint) -> None:
    """The whole calendar, at its latest moments."""
    now = NOW
    for wait in BACK_OFF:
        now += wait * 11 / 10
        assert answer(shop, endpoint.id, BROKEN, now) is not None
    assert states_of(shop, endpoint.id) == ["failed", "waiting", "waiting"]
    assert drain(shop, endpoint.id, now) == ["2", "3"]
    assert endpoint_of(shop, endpoint.id).failing_since is None


def test_five_days_of_failure_disable_and_tell_the_others(shop: Shop, endpoint: Endpoint) -> None:
    """What waits is skipped; a fact says so, which other endpoints hear."""
    other = listen(shop, "webhook_endpoint.*")
    answer(shop, endpoint.id, BROKEN)
    assert endpoint_of(shop, endpoint.id).failing_since == NOW

    answer(shop, endpoint.id, BROKEN, NOW + timedelta(days=5))

    found = endpoint_of(shop, endpoint.id)
    assert (found.disabled_for, found.disabled_at) == (DisabledFor.FAILING, NOW + timedelta(days=5))
    assert states_of(shop, endpoint.id) == ["failed", "skipped", "skipped"]
    tell(shop, "4")
    pass_on(shop, NOW + timedelta(days=5))
    assert len(deliveries_of(shop, endpoint.id)) == 3
    assert [each.kind for each in deliveries_of(shop, other.id)] == [DISABLED_KIND]
    assert _claim(shop, endpoint, NOW + timedelta(days=9)) is None


def test_gone_disables_at_once(shop: Shop, endpoint: Endpoint) -> None:
    """By the first 410."""
    answer(shop, endpoint.id, GONE)
    assert endpoint_of(shop, endpoint.id).disabled_for is DisabledFor.GONE
    assert states_of(shop, endpoint.id) == ["failed", "skipped", "skipped"]


def test_what_happens_during_a_request_is_not_undone_by_its_answer(shop: Shop, endpoint: Endpoint) -> None:
    """A new address: the old one's 410 says nothing. Disabled: a success counts, a failure brings nothing back. Removed: nothing."""
    first = _claim(shop, endpoint)
    assert first is not None
    with shop.database.unit(shop.scope) as unit:
        change_endpoint(unit, endpoint.id, url="https://new.example/", rule=RULE, now=NOW)
    with shop.database.unit(shop.scope) as unit:
        settle(unit, first, GONE, now=NOW, rng=Random(1))
    assert endpoint_of(shop, endpoint.id).is_enabled
    assert states_of(shop, endpoint.id) == ["waiting"] * 3

    for reply, expected in ((BROKEN, "skipped"), (OK, "delivered")):
        with shop.database.unit(shop.scope) as unit:
            change_endpoint(unit, endpoint.id, is_enabled=True, rule=RULE, now=NOW)
        tell(shop, expected)
        pass_on(shop)
        claimed = _claim(shop, endpoint)
        assert claimed is not None
        with shop.database.unit(shop.scope) as unit:
            change_endpoint(unit, endpoint.id, is_enabled=False, rule=RULE, now=NOW)
        with shop.database.unit(shop.scope) as unit:
            settle(unit, claimed, reply, now=NOW, rng=Random(1))
        with shop.database.view(shop.scope) as unit:
            assert DeliveryStore(unit).get(endpoint.id, claimed.delivery.id).state.value == expected
        assert not endpoint_of(shop, endpoint.id).is_enabled

    with shop.database.unit(shop.scope) as unit:
        change_endpoint(unit, endpoint.id, is_enabled=True, rule=RULE, now=NOW)
    tell(shop, "last")
    pass_on(shop)
    last = _claim(shop, endpoint)
    assert last is not None
    with shop.database.unit(shop.scope) as unit:
        remove_endpoint(unit, endpoint.id)
    with shop.database.unit(shop.scope) as unit:
        assert settle(unit, last, OK, now=NOW, rng=Random(1)) is None


def test_settled_deliveries_are_forgotten_in_time(shop: Shop, endpoint: Endpoint) -> None:
    """Those that wait stay."""
    answer(shop, endpoint.id, OK)
    with shop.database.unit(shop.scope) as unit:
        assert DeliveryStore(unit).forget_settled(NOW) == 0
        assert DeliveryStore(unit).forget_settled(NOW + HOUR) == 1
    assert states_of(shop, endpoint.id) == ["waiting", "waiting"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ok", "broken", "killed", "tell", "later"]), max_size=30))
def test_whatever_happens_nothing_is_lost_and_nothing_overtakes(shop: Shop, steps: list[str]) -> None:
    """Messages are taken in the order they were told, each at least once, whoever fails or is killed on the way."""
    endpoint = listen(shop)
    told: list[str] = []
    taken: list[str] = []
    now = NOW
    for step in steps:
        if step == "tell":
            told.append(f"{endpoint.id}:{len(told)}")
            tell(shop, told[-1])
            pass_on(shop, now)
        elif step == "later":
            now += HOUR / 2
        elif step == "killed":
            _claim(shop, endpoint, now)
        else:
            sent = answer(shop, endpoint.id, OK if step == "ok" else BROKEN, now)
            taken += [sent[0]] if sent is not None and step == "ok" else []
    taken += drain(shop, endpoint.id, now + 30 * HOUR)
    with shop.database.unit(shop.scope) as unit:
        remove_endpoint(unit, endpoint.id)

    assert taken == told
