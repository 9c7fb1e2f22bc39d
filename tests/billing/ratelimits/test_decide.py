"""The arithmetic of limits: nothing more than burst and rate is ever admitted, and a refused call leaves no trace."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ratelimits.decide import EMPTY, State, decide, settle, settled_state
from billing.ratelimits.limit import MOST_COST, PER_US, SECOND_US, Counts, Kind, Limit, LimitError, Mode, shape

START = 1_790_000_000_000_000


def rate(amount: int, per: int = SECOND_US, burst: int | None = None, **more: object) -> Limit:
    """A rate."""
    return Limit(name=str(more.pop("name", "rate")), kind=Kind.RATE, amount=amount, per_us=per, burst=burst, **more)  # type: ignore[arg-type]


def quota(amount: int, *windows: int, **more: object) -> Limit:
    """A quota."""
    return Limit(name=str(more.pop("name", "quota")), kind=Kind.QUOTA, amount=amount, windows=windows, **more)  # type: ignore[arg-type]


rates = st.builds(
    rate,
    st.integers(1, 10**9),
    st.sampled_from(sorted(PER_US.values())),
    st.none() | st.integers(1, 10**7),
)
small_rates = st.builds(rate, st.integers(1, 50), st.sampled_from([SECOND_US, PER_US["minute"]]), st.integers(1, 60))
calls = st.lists(st.tuples(st.integers(-2 * SECOND_US, 5 * SECOND_US), st.integers(1, 30)), min_size=1, max_size=60)


@given(rates)
def test_the_whole_numbers_never_run_faster_than_the_rate(limit: Limit) -> None:
    """`drain` drops a microsecond are at most amount / per units, and slower by less than a millionth."""
    form = shape(limit)
    assert form.drain * limit.per_us <= form.unit * limit.amount
    assert form.unit * limit.amount * 999_999 <= form.drain * limit.per_us * 1_000_000
    assert form.capacity < 2**52


@given(small_rates, calls)
def test_no_window_admits_more_than_burst_and_rate(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """Every pair of admitted calls, whatever the clock did: their cost is at most burst + rate x time between, by the latest clock."""
    state, now, latest = EMPTY, START, START
    admitted: list[tuple[int, int]] = []
    for step, cost in steps:
        now += step
        latest = max(latest, now)
        decision, (state,) = decide([state], [limit], cost, now)
        if decision.allowed:
            admitted.append((latest, cost))
    for first in range(len(admitted)):
        total = 0
        for at, cost in admitted[first:]:
            total += cost
            assert total * limit.per_us <= limit.units * limit.per_us + limit.amount * (at - admitted[first][0])


@given(st.lists(small_rates, min_size=1, max_size=4), calls)
def test_a_refused_call_changes_nothing_and_order_does_not_matter(
    found: list[Limit], steps: list[tuple[int, int]]
) -> None:
    """All limits take the cost or none does, and turning the list round turns the answer round."""
    limits = [rate(each.amount, each.per_us, each.burst, name=str(place)) for place, each in enumerate(found)]
    states, now = tuple(EMPTY for _ in limits), START
    for step, cost in steps:
        now += step
        before = tuple(
            settled_state(state, limit, shape(limit), now) for state, limit in zip(states, limits, strict=True)
        )
        decision, after = decide(states, limits, cost, now)
        turned, turned_after = decide(states[::-1], limits[::-1], cost, now)
        assert turned.verdicts[::-1] == decision.verdicts
        assert turned_after[::-1] == after
        if not decision.allowed:
            assert after == before
            assert decision.violated
        states = after


@given(small_rates, calls)
def test_a_refused_call_may_come_again_when_it_was_told_to(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """At the end of the wait it is admitted, a microsecond earlier it is not; without a wait it never would be."""
    state, now = EMPTY, START
    for step, cost in steps:
        now += abs(step)
        decision, (state,) = decide([state], [limit], cost, now)
        if decision.allowed:
            continue
        if decision.retry_us is None:
            assert cost > limit.units
            continue
        assert decide([state], [limit], cost, now + decision.retry_us)[0].allowed
        assert not decide([state], [limit], cost, now + decision.retry_us - 1)[0].allowed


@given(small_rates, calls)
def test_a_bucket_is_as_new_at_its_reset(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """At `reset_us` everything remains, a microsecond earlier it does not."""
    state, now = EMPTY, START
    for step, cost in steps:
        now += abs(step)
        decision, (state,) = decide([state], [limit], cost, now)
        reset = decision.verdicts[0].reset_us
        assert settled_state(state, limit, shape(limit), now + reset).level == 0
        assert reset == 0 or settled_state(state, limit, shape(limit), now + reset - 1).level > 0


@given(small_rates, st.integers(1, 30), st.integers(0, 40), st.integers(0, 10 * SECOND_US), calls)
def test_settling_never_frees_more_than_not_having_called(
    limit: Limit, reserved: int, actual: int, wait: int, steps: list[tuple[int, int]]
) -> None:
    """Whoever reserved and settled stands no better than who took the actual cost at the start."""
    decision, (with_lease,) = decide([EMPTY], [limit], reserved, START, lease="one")
    if not decision.allowed:
        return
    plain = decide([EMPTY], [limit], actual, START)[1][0] if actual <= reserved else EMPTY
    now = START
    for step, cost in steps:  # what others take meanwhile, admitted by the fuller bucket
        now += abs(step)
        taken, (with_lease,) = decide([with_lease], [limit], cost, now)
        if taken.allowed:
            plain = decide([plain], [limit], cost, now)[1][0]
    now += wait
    _, (settled,) = settle([with_lease], [limit], reserved=reserved, actual=actual, now=now, lease="one")
    assert settled.level >= settled_state(plain, limit, shape(limit), now).level
    again, unchanged = settle([settled], [limit], reserved=reserved, actual=actual, now=now, lease="one")
    assert not again
    assert unchanged == (settled,)


def test_a_quota_starts_anew_with_its_window_and_not_before() -> None:
    """Windows come from the caller, the choice among them from the deciding clock."""
    limit = quota(3, START, START + 100, START + 300)
    first, (state,) = decide([EMPTY], [limit], 3, START + 99)
    assert first.verdicts[0].remaining == 0
    assert first.verdicts[0].reset_us == 1
    refused, (state,) = decide([state], [limit], 1, START + 99)
    assert refused.retry_us == 1
    renewed, (state,) = decide([state], [limit], 1, START + 100)
    assert renewed.verdicts[0].remaining == 2
    back, (state,) = decide([state], [limit], 2, START + 99)
    assert back.verdicts[0].remaining == 0, "a clock that goes back finds the window it knows"


def test_a_quota_gone_beyond_is_counted_and_said() -> None:
    """Overage goes on counting; a quota of nothing lets nothing through."""
    limit = quota(2, START, START + 100, mode=Mode.OVERAGE)
    decision, (state,) = decide([EMPTY], [limit], 5, START)
    assert decision.allowed
    assert decision.verdicts[0].exceeded
    assert state.level == 5
    assert decision.verdicts[0].used_ppm == 2_500_000
    assert not decide([EMPTY], [quota(0, START, START + 100)], 1, START)[0].allowed


def test_shadow_says_what_it_would_have_refused_and_takes_nothing_for_it() -> None:
    """The count stays what it would be if the limit were in force."""
    limit = rate(2, mode=Mode.SHADOW)
    states: tuple[State, ...] = (EMPTY,)
    seen = []
    for _ in range(4):
        decision, states = decide(states, [limit], 1, START)
        seen.append((decision.allowed, decision.verdicts[0].exceeded))
    assert seen == [(True, False), (True, False), (True, True), (True, True)]
    assert states == decide((EMPTY,), [rate(2, mode=Mode.SHADOW)], 2, START)[1]


def test_a_throttled_call_waits_its_turn_and_no_longer_than_allowed() -> None:
    """Each further call waits one interval more, until the wait would be too long."""
    limit = rate(10, burst=1, mode=Mode.THROTTLE, most_wait_us=200_000)
    states: tuple[State, ...] = (EMPTY,)
    waits = []
    for _ in range(4):
        decision, states = decide(states, [limit], 1, START)
        waits.append(decision.wait_us if decision.allowed else None)
    assert waits == [0, 100_000, 200_000, None]


def test_calls_in_flight_are_leases_that_end_by_themselves() -> None:
    """A released or lost call makes room; one call is counted once however often it comes."""
    limit = Limit(name="in_flight", kind=Kind.CONCURRENCY, amount=2, lease_us=1000)
    states: tuple[State, ...] = (EMPTY,)
    for lease, allowed in (("a", True), ("b", True), ("c", False), ("a", True)):
        decision, states = decide(states, [limit], 1, START, lease=lease)
        assert decision.allowed is allowed, lease
    found, states = settle(states, [limit], reserved=1, actual=1, now=START, lease="a")
    assert found
    decision, states = decide(states, [limit], 1, START + 10, lease="c")
    assert decision.allowed
    refused, _ = decide(states, [limit], 1, START + 10, lease="d")
    assert refused.retry_us == 990
    assert decide(states, [limit], 1, START + 1000, lease="d")[0].allowed


def test_a_refusal_by_one_limit_takes_from_no_other() -> None:
    """Cost 95 of 100, then 10 is refused by the day, then 5 still fits."""
    limits = [quota(100, START, START + 10**9), rate(1000, name="second", counts=Counts.CALLS)]
    states: tuple[State, ...] = (EMPTY, EMPTY)
    answers = []
    for cost in (95, 10, 5):
        decision, states = decide(states, limits, cost, START)
        answers.append(decision.allowed)
    assert answers == [True, False, True]
    assert states[1].level == 2 * shape(limits[1]).unit


@pytest.mark.parametrize("cost", [-1, MOST_COST + 1, True, "1", None])
def test_a_cost_that_is_no_count_is_refused(cost: object) -> None:
    """Before anything is looked at."""
    with pytest.raises(LimitError):
        decide([EMPTY], [rate(1)], cost, START)  # type: ignore[arg-type]


def test_waits_grow_by_the_rate_alone() -> None:
    """Known answers of a bucket of 3 at one a second: three at once, then one a second."""
    limit, admitted = rate(1, burst=3), []
    states: tuple[State, ...] = (EMPTY,)
    for tenth in range(60):
        decision, states = decide(states, [limit], 1, START + tenth * 100_000)
        if decision.allowed:
            admitted.append(tenth)
    assert admitted == [0, 1, 2, 10, 20, 30, 40, 50]
    assert all(b > a for a, b in pairwise(admitted))


@given(small_rates, st.integers(1, 60), st.integers(0, 3 * SECOND_US), calls, calls)
def test_what_is_given_back_is_never_more_than_it_holds(
    limit: Limit, cost: int, wait: int, before: list[tuple[int, int]], between: list[tuple[int, int]]
) -> None:
    """Whoever called and gave back stands no better than who never called, and no worse than by two microseconds' drain if alone."""
    state, now = EMPTY, START
    for step, taken in before:
        now += abs(step) // 10
        _, (state,) = decide([state], [limit], taken, now)
    decision, (held,) = decide([state], [limit], cost, now)
    if not decision.allowed:
        return
    without, since = state, now
    for step, taken in between:
        now += abs(step) // 100
        other, (held,) = decide([held], [limit], taken, now)
        if other.allowed:
            _, (without,) = decide([without], [limit], taken, now)
    now += wait
    _, (back,) = settle(
        [held],
        [limit],
        reserved=cost,
        actual=0,
        now=now,
        lease="",
        since=since,
        resets=(decision.verdicts[0].reset_us,),
    )
    assert back.level >= settled_state(without, limit, shape(limit), now).level
    alone = decide([state], [limit], cost, since)[1][0]
    _, (returned,) = settle(
        [alone],
        [limit],
        reserved=cost,
        actual=0,
        now=now,
        lease="",
        since=since,
        resets=(decision.verdicts[0].reset_us,),
    )
    assert returned.level <= settled_state(state, limit, shape(limit), now).level + 2 * shape(limit).drain
