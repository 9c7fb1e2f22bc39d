"""One contract for every keeper of buckets: what it answers is what the pure rules answer at the instant that it names."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from billing.ratelimits.call import Call, Settlement
from billing.ratelimits.decide import EMPTY, State, decide, settle
from billing.ratelimits.limit import MOST_UNITS, PER_US, SECOND_US, Counts, Kind, Limit, Mode
from tests.serving.limits.limiters import Redised, SqlLimiter, in_memory, machine_microseconds
from tests.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.ratelimits.call import Limiter
    from billing.ratelimits.decide import Decision


@dataclass(frozen=True, slots=True)
class Case:
    """A limiter and a tenant that it may serve."""

    limiter: Limiter
    tenant: str

    def call(self, *limits: Limit, subject: str = "ann", cost: int = 1, lease: str = "") -> Call:
        """A call of this tenant."""
        return Call(tenant=self.tenant, subject=subject, limits=limits, cost=cost, lease=lease)

    def settlement(self, *limits: Limit, reserved: int, actual: int, lease: str) -> Settlement:
        """A settlement of one of Ann's calls."""
        return Settlement(
            tenant=self.tenant, subject="ann", limits=limits, lease=lease, reserved=reserved, actual=actual
        )


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.servers),
        pytest.param("redis", marks=pytest.mark.servers),
    ]
)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Each keeper in turn."""
    if request.param == "memory":
        yield Case(in_memory(), "ten_1")
    elif request.param == "redis":
        limiter = Redised(request.getfixturevalue("redis_url"))
        yield Case(limiter, "ten_1")
        limiter.close()
    else:
        database = request.getfixturevalue(f"{request.param}_database")
        yield Case(SqlLimiter(database), open_shop(database).scope.tenant_id)


def _limits(now: int) -> list[Limit]:
    return [
        Limit(name="second", kind=Kind.RATE, amount=200, per_us=SECOND_US, burst=30),
        Limit(name="minute", kind=Kind.RATE, amount=1, per_us=PER_US["minute"], burst=900, counts=Counts.CALLS),
        Limit(name="third", kind=Kind.RATE, amount=333, per_us=PER_US["month"], burst=70),
        Limit(name="month", kind=Kind.QUOTA, amount=500, windows=(now - SECOND_US, now + 40_000, now + 90 * SECOND_US)),
        Limit(name="flight", kind=Kind.CONCURRENCY, amount=6, lease_us=70_000),
        Limit(
            name="slow", kind=Kind.RATE, amount=1000, burst=8, mode=Mode.THROTTLE, most_wait_us=50_000, lease_us=9000
        ),
        Limit(name="tried", kind=Kind.RATE, amount=40, burst=12, mode=Mode.SHADOW),
        Limit(name="billed", kind=Kind.QUOTA, amount=30, windows=(0, now + 90 * SECOND_US), mode=Mode.OVERAGE),
        Limit(name="huge", kind=Kind.RATE, amount=999_983, per_us=PER_US["month"], burst=999_983),
        Limit(name="endless", kind=Kind.QUOTA, amount=MOST_UNITS, windows=(0, now + 90 * SECOND_US)),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_the_rules_answer(case: Case, seed: int) -> None:
    """Random calls, leases and settlements over random limits; the model follows at the instants that the answers name."""
    dice = random.Random(seed)
    limits = _limits(machine_microseconds())
    states: dict[str, State] = {limit.name: EMPTY for limit in limits}
    open_leases: list[tuple[str, tuple[Limit, ...], int]] = []
    for number in range(60):
        chosen = tuple(dice.sample(limits, dice.randint(1, 4)))
        cost = dice.choice([0, 1, 1, 1, 2, 7, 25])
        lease = f"l{number}" if dice.random() < 0.5 or any(each.name == "flight" for each in chosen) else ""
        [answer] = case.limiter.decide([case.call(*chosen, cost=cost, lease=lease)])
        before = [states[each.name] for each in chosen]
        expected, after = decide(before, chosen, cost, answer.now, lease=lease)
        assert _plain(answer) == _plain(expected)
        if answer.allowed and cost:
            states.update(zip((each.name for each in chosen), after, strict=True))
            open_leases += [(lease, chosen, cost)] if lease else []
        if open_leases and dice.random() < 0.4:
            _settle_one(case, states, open_leases.pop(dice.randrange(len(open_leases))), dice.choice([0, 1, 9, 28]))


def _settle_one(case: Case, states: dict[str, State], held: tuple[str, tuple[Limit, ...], int], actual: int) -> None:
    """Settle in the keeper and in the model; a lease that is not found there has run out here by now."""
    lease, chosen, reserved = held
    at = case.limiter.settle(case.settlement(*chosen, reserved=reserved, actual=actual, lease=lease))
    now = at or case.limiter.decide([case.call(*chosen, cost=0)])[0].now
    before = [states[each.name] for each in chosen]
    found, after = settle(before, chosen, reserved=reserved, actual=actual, now=now, lease=lease)
    assert found is (at is not None)
    if found:
        states.update(zip((each.name for each in chosen), after, strict=True))


def _plain(decision: Decision) -> Any:
    return decision.allowed, decision.now, decision.wait_us, decision.retry_us, decision.violated, decision.verdicts


def test_two_identities_never_share_a_bucket(case: Case) -> None:
    """Names that would run together if they were glued have buckets of their own."""
    one = Limit(name="c", kind=Kind.QUOTA, amount=1, windows=(0, 2**52))
    other = Limit(name="bc", kind=Kind.QUOTA, amount=1, windows=(0, 2**52))
    calls = [case.call(one, subject="ab"), case.call(other, subject="a"), case.call(one, subject="a:b")]
    calls += [case.call(one, subject="a\x00b"), case.call(one, subject="{ab}"), case.call(one, subject="AB")]
    assert [answer.allowed for answer in case.limiter.decide(calls)] == [True] * 6
    assert [answer.allowed for answer in case.limiter.decide(calls)] == [False] * 6


def test_a_refused_call_consumes_nothing(case: Case) -> None:
    """Cost 95 of 100, then 10 is refused, then 5 fits; the other limit of the refused call is untouched."""
    day = Limit(name="day", kind=Kind.QUOTA, amount=100, windows=(0, 2**52))
    wide = Limit(name="wide", kind=Kind.QUOTA, amount=1000, windows=(0, 2**52))
    answers = case.limiter.decide([case.call(day, wide, cost=cost) for cost in (95, 10, 5)])
    assert [answer.allowed for answer in answers] == [True, False, True]
    assert answers[1].violated == ("day",)
    assert answers[2].verdicts[1].remaining == 900


def test_a_larger_quota_goes_on_with_what_was_used(case: Case) -> None:
    """An upgrade in mid period raises the limit and keeps the count."""
    small = Limit(name="month", kind=Kind.QUOTA, amount=3, windows=(0, 2**52))
    large = Limit(name="month", kind=Kind.QUOTA, amount=10, windows=(0, 2**52))
    assert not case.limiter.decide([case.call(small, cost=3), case.call(small)])[1].allowed
    assert case.limiter.decide([case.call(large)])[0].verdicts[0].remaining == 6


@pytest.mark.parametrize("seed", range(3))
def test_calls_under_one_limit_are_the_rules_answers(case: Case, seed: int) -> None:
    """The usual case, one limit and no lease, which a database decides in one statement; and calls that are given back at once."""
    dice = random.Random(100 + seed)
    limits = [limit for limit in _limits(machine_microseconds()) if limit.kind is not Kind.CONCURRENCY]
    states: dict[str, State] = {limit.name: EMPTY for limit in limits}
    for _ in range(60):
        limit = dice.choice(limits)
        cost = dice.choice([1, 1, 2, 7, 25])
        [answer] = case.limiter.decide([case.call(limit, cost=cost)])
        expected, (states[limit.name],) = decide([states[limit.name]], [limit], cost, answer.now)
        assert _plain(answer) == _plain(expected)
        if answer.allowed and dice.random() < 0.3 and not (limit.mode is Mode.SHADOW and answer.verdicts[0].exceeded):
            resets = (answer.verdicts[0].reset_us,)
            given = Settlement(
                tenant=case.tenant,
                subject="ann",
                limits=(limit,),
                lease="",
                reserved=cost,
                actual=0,
                since=answer.now,
                resets=resets,
            )
            at = case.limiter.settle(given)
            if at is None:  # the quota's window has passed
                assert limit.kind is Kind.QUOTA
                continue
            found, (states[limit.name],) = settle(
                [states[limit.name]],
                [limit],
                reserved=cost,
                actual=0,
                now=at,
                lease="",
                since=answer.now,
                resets=resets,
            )
            assert found
