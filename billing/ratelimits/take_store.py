"""Takes the cost of a call from one bucket by a single conditional statement: an UPDATE that finds its row only where the cost fits.

It is what most calls come to: one limit, no lease, a bucket that is there. Anything else is decided under a lock. The arithmetic is that
of `decide.settled_state`; a bucket that has drained for longer than any could take is empty, which keeps products below 2**63.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, case, update

from billing.ratelimits.decide import MOST_LEVEL, State
from billing.ratelimits.lifetime import GRACE_US
from billing.ratelimits.limit import Kind, Mode
from billing.ratelimits.tables import RateBucketRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from billing.ratelimits.call import Call

_NO_CEILING = 2**62


class Taken(NamedTuple):
    """A bucket after the cost was taken, and what time the database had."""

    level: int
    at: int
    now: int

    def before(self, taken: int) -> State:
        """The bucket as the call found it, brought to its instant."""
        return State(self.level - taken, self.at)


def is_plain(call: Call) -> bool:
    """Whether the call can be decided by one statement."""
    if len(call.limits) != 1 or call.lease or not call.cost:
        return False
    [limit] = call.limits
    return limit.kind is not Kind.CONCURRENCY and limit.mode is not Mode.SHADOW


def taking(now: ColumnElement[Any], kind: Kind) -> Any:
    """The statement for a rate or a quota, over `now` as the engine says it; its parameters are those of `values`."""
    level, at, take = RateBucketRow.level, RateBucketRow.at, _given("take")
    if kind is Kind.QUOTA:
        is_new = at < _given("start")
        after, since = case((is_new, take), else_=level + take), case((is_new, _given("start")), else_=at)
        fits, ends = and_(now >= _given("low"), now < _given("high"), after <= _given("ceiling")), _given("ends")
    else:
        gone = now - at
        drained = level - _given("drain") * gone
        after = case(  # in this order, so that no product is made that is beyond the engine's numbers
            (gone <= 0, level + take), (gone >= _given("empties"), take), (drained < 0, take), else_=drained + take
        )
        since, ends = case((gone <= 0, at), else_=now), now + _given("lasts")
        fits = after <= _given("ceiling")
    return (
        update(RateBucketRow)
        .where(RateBucketRow.key == bindparam("bucket"), fits)
        .values(level=after, at=since, ends_at=case((RateBucketRow.ends_at > ends, RateBucketRow.ends_at), else_=ends))
        .returning(RateBucketRow.level, RateBucketRow.at, now)
        .execution_options(synchronize_session=False)
    )


def values(call: Call, name: str, hint: int) -> dict[str, Any]:
    """The parameters for a plain call. `hint` is about what time it is: a quota's window is chosen by it, and confirmed by the database."""
    [limit] = call.limits
    form = limit.form
    given: dict[str, Any] = {
        "bucket": name,
        "take": limit.cost(call.cost) * form.unit,
        "ceiling": _NO_CEILING if form.ceiling is None else form.ceiling,
    }
    if limit.kind is Kind.QUOTA:
        start, end = limit.window(hint)
        low = 0 if start == limit.windows[0] else start
        high = _NO_CEILING if end == limit.windows[-1] else end
        return given | {"start": start, "low": low, "high": high, "ends": end + GRACE_US}
    if not form.drain:
        return given | {"drain": 0, "empties": _NO_CEILING, "lasts": GRACE_US}
    most = max(form.ceiling or 0, form.capacity) + given["take"]
    return given | {"drain": form.drain, "empties": MOST_LEVEL // form.drain + 1, "lasts": most // form.drain + 1}


def _given(name: str) -> Any:
    return bindparam(name, type_=BigInteger)
