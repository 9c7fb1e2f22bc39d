"""What a limit is: a rate with its burst, a quota of a billing period, or a number of calls in flight; and what happens above it.

All counting is in whole numbers below 2**53, so that Python, SQL and Lua agree to the last unit. A rate is a bucket that fills with
each call and drains with time (GCRA): one unit of cost is `unit` drops, every microsecond `drain` drops leave, `capacity` is the burst.
Where the exact fraction has too many digits it is rounded towards the slower rate, by less than a millionth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from math import gcd
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND_US = 1_000_000
MOST_UNITS = 1_000_000_000_000
MOST_COST = 1_000_000_000
_MARK_BYTES = 12
MARK_LENGTH = 2 * _MARK_BYTES
_MOST_DROPS = 2**51  # a full bucket, which leaves room for what a wait and a settled call add
PER_US = {
    "second": SECOND_US,
    "minute": 60 * SECOND_US,
    "hour": 3_600 * SECOND_US,
    "day": 86_400 * SECOND_US,
    "week": 7 * 86_400 * SECOND_US,
    "month": 30 * 86_400 * SECOND_US,
}
"""Microseconds of each unit of a rate. A month is thirty days here; a quota follows the billing period itself."""


class Kind(Enum):
    """A rate over time, a quota of a billing period, or calls in flight."""

    RATE = "rate"
    QUOTA = "quota"
    CONCURRENCY = "concurrency"


class Mode(Enum):
    """Above the limit: refuse, let through after a wait, let through and bill, or only note what would have been refused."""

    REFUSE = "refuse"
    THROTTLE = "throttle"
    OVERAGE = "overage"
    SHADOW = "shadow"


class Counts(Enum):
    """What a limit counts: the cost of a call, or the call as one."""

    COST = "cost"
    CALLS = "calls"


class LimitError(InvalidError):
    """A limit that cannot mean anything, or a cost that no limit can take."""

    code = "invalid_limit"


@dataclass(frozen=True, slots=True)
class Shape:
    """A limit as the arithmetic sees it: `ceiling` is the level above which a call is refused, None where none ever is."""

    unit: int
    drain: int
    capacity: int
    ceiling: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`amount` units a `per_us` microseconds (a rate), a billing period (a quota) or at once (in flight).

    `burst` units may come at once; in any window of t seconds at most burst + rate x t are admitted. `windows` are the instants, in
    microseconds, at which a quota starts anew: the window that holds the deciding clock's now counts; before the first and from the
    last on, the first or last window does. `most_wait_us` bounds what a throttled call may be told to wait. `meter` is where the units
    beyond a quota are counted to be billed. `mark` is the limit's part of its buckets' names.
    """

    name: str
    kind: Kind
    amount: int
    per_us: int = SECOND_US
    burst: int | None = None
    windows: tuple[int, ...] = ()
    mode: Mode = Mode.REFUSE
    counts: Counts = Counts.COST
    most_wait_us: int = 0
    lease_us: int = 60 * SECOND_US
    meter: str = ""
    form: Shape = field(init=False, repr=False, compare=False)
    mark: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= MOST_UNITS or not 0 <= self.units <= MOST_UNITS:
            raise LimitError(f"a limit is a whole number from 0 to {MOST_UNITS}", limit=self.name)
        if self.per_us < 1 or self.lease_us < 1 or self.most_wait_us < 0:
            raise LimitError("times are above zero", limit=self.name)
        if self.burst is not None and self.kind is not Kind.RATE:
            raise LimitError("only a rate has a burst", limit=self.name)
        if self.kind is Kind.QUOTA and len(self.windows) < 2:
            raise LimitError("a quota has the start and the end of its period", limit=self.name)
        if self.mode is Mode.THROTTLE and self.kind is not Kind.RATE:
            raise LimitError("only a rate can let a call through after a wait", limit=self.name)
        if self.mode is Mode.OVERAGE and self.kind is not Kind.QUOTA:
            raise LimitError("only a quota can be gone beyond for money", limit=self.name)
        if self.meter and self.mode is not Mode.OVERAGE:
            raise LimitError("only what goes beyond a quota is counted by a meter", limit=self.name)
        object.__setattr__(self, "form", shape(self))
        object.__setattr__(self, "mark", mark(self))

    @property
    def units(self) -> int:
        """How many units fit at once."""
        return self.amount if self.burst is None else self.burst

    def cost(self, cost: int) -> int:
        """What a call of this cost takes from this limit."""
        return cost if self.counts is Counts.COST and self.kind is not Kind.CONCURRENCY else 1

    def window(self, now: int) -> tuple[int, int]:
        """Start and end of the quota's window at `now`."""
        place = 0
        while place < len(self.windows) - 2 and self.windows[place + 1] <= now:
            place += 1
        return self.windows[place], self.windows[place + 1]


def mark(limit: Limit) -> str:
    """A hash of what makes a bucket another one, over parts that carry their lengths.

    A rate that changes gets a new bucket, since its drops are of another size; a quota that changes goes on with what was used.
    """
    parts = [limit.name, limit.kind.value]
    if limit.kind is Kind.RATE:
        parts += [str(limit.form.unit), str(limit.form.drain)]
    return digest(parts, _MARK_BYTES)


def digest(parts: Sequence[str], size: int) -> str:
    """A hash of texts, in which no text can reach into the next.

    >>> digest(["a", "bc"], 4) == digest(["ab", "c"], 4)
    False
    """
    named = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode("utf-8", "surrogatepass") for part in parts))
    return blake2b(named, digest_size=size).hexdigest()


def shape(limit: Limit) -> Shape:
    """The whole numbers to count a limit with; a limit carries them as `form`.

    >>> shape(Limit(name="calls", kind=Kind.RATE, amount=100, per_us=PER_US["minute"]))
    Shape(unit=600000, drain=1, capacity=60000000, ceiling=60000000)
    """
    unit, drain = _drops(limit) if limit.kind is Kind.RATE else (1, 0)
    capacity = limit.units * unit
    if limit.mode in (Mode.OVERAGE, Mode.SHADOW):
        return Shape(unit, drain, capacity, None)
    return Shape(unit, drain, capacity, capacity + min(limit.most_wait_us * drain, _MOST_DROPS))


def _drops(limit: Limit) -> tuple[int, int]:
    if limit.amount == 0:
        return 1, 0
    common = gcd(limit.amount, limit.per_us)
    unit, drain = limit.per_us // common, limit.amount // common
    full = max(limit.units, 1)
    if unit * full <= _MOST_DROPS:
        return unit, drain
    drain = max(1, _MOST_DROPS * limit.amount // (limit.per_us * full))
    unit = -(-limit.per_us * drain // limit.amount)
    if unit * full > 2 * _MOST_DROPS:
        raise LimitError("the burst is too large for so slow a rate; make it smaller", limit=limit.name)
    return unit, drain


def checked_cost(cost: int) -> int:
    """The cost of a call, or an error: 0 asks without taking anything."""
    if isinstance(cost, bool) or not isinstance(cost, int) or not 0 <= cost <= MOST_COST:
        raise LimitError(f"a cost is a whole number from 0 to {MOST_COST}", cost=str(cost)[:40])
    return cost


def distinct(limits: Sequence[Limit]) -> None:
    """Refuse two limits of one name: they would share a bucket."""
    if len(limits) < 2:
        return
    names = [limit.name for limit in limits]
    if len(set(names)) != len(names):
        raise LimitError("two limits of one call have one name", limits=sorted(names)[:20])
