"""One conditional statement answers as the rules do, on each engine, from whatever the bucket holds, and only where the cost fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from billing.ratelimits.call import Call
from billing.ratelimits.decide import State, decide
from billing.ratelimits.lifetime import GRACE_US
from billing.ratelimits.limit import PER_US, SECOND_US, Kind, Limit, Mode
from billing.ratelimits.sql import SqlLimiter
from billing.ratelimits.store import BucketStore
from billing.ratelimits.take_store import is_plain
from tests.shop import open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from tests.shop import Shop

DAY = PER_US["day"]
FAST = Limit(name="fast", kind=Kind.RATE, amount=999_983, per_us=PER_US["month"], burst=1000)
SLOW = Limit(name="slow", kind=Kind.RATE, amount=1, per_us=PER_US["month"], burst=3)
WAITS = Limit(name="waits", kind=Kind.RATE, amount=5, burst=2, mode=Mode.THROTTLE, most_wait_us=3 * SECOND_US)
NONE = Limit(name="none", kind=Kind.RATE, amount=0, burst=4)


def _now(shop: Shop) -> int:
    with shop.database.unit(shop.scope) as unit:
        return BucketStore(unit).hold([]).now


def _quota(now: int, mode: Mode = Mode.REFUSE) -> Limit:
    return Limit(
        name="quota", kind=Kind.QUOTA, amount=9, windows=(now - 2 * DAY, now - DAY, now + DAY, now + 2 * DAY), mode=mode
    )


@pytest.mark.parametrize("age", [-DAY, 0, SECOND_US, DAY, 400 * DAY, 20_000 * DAY])
@pytest.mark.parametrize("full", [0, 1, 2, 3])
def test_from_any_state_the_answer_is_the_rules(database: Database, age: int, full: int) -> None:
    """Buckets from empty to full, filled just now, long ago, or by a clock that was ahead."""
    shop = open_shop(database)
    limiter, now = SqlLimiter(database), _now(shop)
    for limit in (FAST, SLOW, WAITS, NONE, _quota(now), _quota(now, Mode.OVERAGE)):
        call = Call(tenant=shop.scope.tenant_id, subject="ann", limits=(limit,))
        assert is_plain(call)
        kept = State(limit.form.capacity * full // 3, max(0, now - age))
        with database.unit(shop.scope) as unit:
            BucketStore(unit).keep({call.buckets()[0]: (kept, 2**60)})
        [answer] = limiter.decide([call])
        expected, (after,) = decide([kept], [limit], 1, answer.now)
        assert answer == replace(expected, lease="")
        with database.view(shop.scope) as unit:
            held = BucketStore(unit).read(call.buckets()).states[call.buckets()[0]]
        if answer.allowed:
            assert held == after


def test_a_bucket_lasts_as_long_as_it_says_something(database: Database) -> None:
    """The sweep takes no bucket that still counts, and in the end takes every one."""
    shop = open_shop(database)
    limiter, now = SqlLimiter(database), _now(shop)
    for limit in (SLOW, _quota(now)):
        call = Call(tenant=shop.scope.tenant_id, subject="ann", limits=(limit,))
        assert all(limiter.decide([call])[0].allowed for _ in range(3))
    with database.unit(shop.scope) as unit:
        assert BucketStore(unit).sweep(2**60) == 0
        states = BucketStore(unit).read([f"{key}" for key in call.buckets()]).states
        assert [state.level for state in states.values()] == [3]
    old = Limit(name="old", kind=Kind.QUOTA, amount=9, windows=(0, now - GRACE_US - DAY))
    assert limiter.decide([Call(tenant=shop.scope.tenant_id, subject="ann", limits=(old,))])[0].allowed
    with database.unit(shop.scope) as unit:
        assert BucketStore(unit).sweep(now - GRACE_US - 2 * DAY) == 0, "the tenant's clock is not there yet"
        assert BucketStore(unit).sweep(now) == 1


def test_locks_and_one_statement_share_their_buckets(database: Database) -> None:
    """Whichever way a call is decided, the count is one."""
    shop = open_shop(database)
    ways = [SqlLimiter(database), SqlLimiter(database, in_one_statement=False)]
    call = Call(tenant=shop.scope.tenant_id, subject="ann", limits=(SLOW,))
    assert [ways[number % 2].decide([call])[0].allowed for number in range(5)] == [True] * 3 + [False] * 2
