"""A call that wants to pass its limits, and the names of the buckets it fills: no two identities ever share one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from billing.ratelimits.limit import Limit, LimitError, checked_cost, digest, distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.ratelimits.decide import Decision

_DIGEST = 16
_MOST_KNOWN = 65_536
MOST_LIMITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`subject` is whom the limits bind (a customer, a key, an address) within `tenant`; `lease` is unique to the call, or empty.

    `standing` is what time it is for the tenant, in microseconds, where its clock stands still: what is told of the call happened then.
    """

    tenant: str
    subject: str
    limits: tuple[Limit, ...]
    cost: int = 1
    lease: str = ""
    standing: int | None = None

    def __post_init__(self) -> None:
        checked_cost(self.cost)
        distinct(self.limits)
        if len(self.limits) > MOST_LIMITS:
            raise LimitError(f"a call passes at most {MOST_LIMITS} limits", limits=len(self.limits))

    def buckets(self) -> tuple[str, ...]:
        """The name of each limit's bucket."""
        who = whose(self.tenant, self.subject)
        return tuple([f"{who}.{limit.mark}" for limit in self.limits])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an allowed call of cost `reserved` came to; ends its lease.

    A call that is given back at once, with or without a lease, names the instant at which it was decided, `since`, and the `reset_us` that
    each limit's verdict had then: from them it is known how much of its cost has drained already.
    """

    tenant: str
    subject: str
    limits: tuple[Limit, ...]
    lease: str
    reserved: int
    actual: int
    since: int = 0
    resets: tuple[int, ...] = ()
    standing: int | None = None

    def __post_init__(self) -> None:
        if not self.lease and not self.since:
            raise LimitError("a settlement names the lease of its call, or when it was decided")
        if len(self.resets) != (len(self.limits) if self.since else 0):
            raise LimitError("a call that is given back names the resets of its limits")
        checked_cost(self.reserved)
        checked_cost(self.actual)
        distinct(self.limits)

    def buckets(self) -> tuple[str, ...]:
        """The name of each limit's bucket."""
        who = whose(self.tenant, self.subject)
        return tuple([f"{who}.{limit.mark}" for limit in self.limits])


class Limiter(Protocol):
    """Keeps buckets and decides calls against them, exactly, however many ask at once."""

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions, as if the calls had come one after the other."""
        ...

    def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        ...


def bucket(tenant: str, subject: str, limit: Limit) -> str:
    """The bucket's name: the hash of whom it binds, then that of the limit; no two identities and no two limits ever share one.

    >>> from billing.ratelimits.limit import Kind
    >>> one = Limit(name="c", kind=Kind.CONCURRENCY, amount=1)
    >>> bucket("t", "ab", one) == bucket("ta", "b", one)
    False
    """
    return f"{whose(tenant, subject)}.{limit.mark}"


@lru_cache(maxsize=_MOST_KNOWN)
def whose(tenant: str, subject: str) -> str:
    """The part of a bucket's name that says whom it binds."""
    return digest((tenant, subject), _DIGEST)
