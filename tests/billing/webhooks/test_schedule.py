"""When a delivery is tried again, and when it and its endpoint are given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.webhooks.delivery import DeliveryState
from billing.webhooks.endpoint import DisabledFor
from billing.webhooks.post import Reply
from billing.webhooks.schedule import BACK_OFF, MOST_ATTEMPTS, delay_after, judge

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
BAD = st.one_of(st.integers(300, 599).filter(lambda code: code != 410), st.none())


def test_the_calendar_is_the_one_of_the_specification() -> None:
    """Ten attempts over a little more than three days."""
    assert [each.total_seconds() for each in BACK_OFF] == [
        0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]  # fmt: skip
    assert sum(BACK_OFF, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@given(st.integers(1, MOST_ATTEMPTS - 1), st.integers())
def test_chance_adds_at_most_a_tenth(attempts: int, seed: int) -> None:
    """And never takes anything away."""
    delay = delay_after(attempts, Random(seed))
    assert BACK_OFF[attempts] <= delay <= BACK_OFF[attempts] * 11 / 10


@given(BAD, st.integers(1, MOST_ATTEMPTS), st.integers(0, 10 * 86_400), st.integers(0, 200_000), st.integers())
def test_a_failure_waits_or_is_given_up(status: int | None, attempts: int, failing: int, asked: int, seed: int) -> None:
    """It waits while attempts are left and its endpoint failed for less than five days, never less than the calendar says."""
    reply = Reply(status=status, retry_after=timedelta(seconds=asked))
    since = NOW - timedelta(seconds=failing)

    found = judge(reply, attempts=attempts, failing_since=since, now=NOW, rng=Random(seed))

    gives_up = failing >= 5 * 86_400
    assert found.disable_for == (DisabledFor.FAILING if gives_up else None)
    assert found.failing_since == since
    if gives_up or attempts == MOST_ATTEMPTS:
        assert (found.state, found.next_attempt_at) == (DeliveryState.FAILED, None)
    else:
        assert found.state is DeliveryState.WAITING
        assert found.next_attempt_at is not None
        wait = found.next_attempt_at - NOW
        heeded = status in {429, 503}
        assert wait >= BACK_OFF[attempts]
        assert not heeded or wait >= min(timedelta(seconds=asked), timedelta(hours=24))
        assert wait <= max(BACK_OFF[attempts] * 11 / 10, timedelta(hours=24) if heeded else timedelta())


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_forgets_the_failures(status: int) -> None:
    """Any 2xx."""
    found = judge(Reply(status=status), attempts=3, failing_since=NOW, now=NOW, rng=Random(1))
    assert (found.state, found.failing_since, found.disable_for) == (DeliveryState.DELIVERED, None, None)


def test_gone_is_gone_at_the_first_word() -> None:
    """410 disables, whatever is left of the calendar."""
    found = judge(Reply(status=410), attempts=1, failing_since=None, now=NOW, rng=Random(1))
    assert (found.state, found.disable_for) == (DeliveryState.FAILED, DisabledFor.GONE)
