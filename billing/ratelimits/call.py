"""A call that wants to pass its limits, and the names of the buckets it fills: no two identities ever share one."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from billing.ratelimits.limit import Kind, Limit, LimitError, checked_cost, distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.ratelimits.decide import Decision

_DIGEST = 16
MOST_LIMITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`subject` is whom the limits bind (a customer, a key, an address) within `tenant`; `lease` is unique to the call, or empty."""

    tenant: str
    subject: str
    limits: tuple[Limit, ...]
    cost: int = 1
    lease: str = ""

    def __post_init__(self) -> None:
        checked_cost(self.cost)
        distinct(self.limits)
        if len(self.limits) > MOST_LIMITS:
            raise LimitError(f"a call passes at most {MOST_LIMITS} limits", limits=len(self.limits))

    def buckets(self) -> tuple[str, ...]:
        """The name of each limit's bucket."""
        return tuple(bucket(self.tenant, self.subject, limit) for limit in self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an allowed call of cost `reserved` came to; ends its lease."""

    tenant: str
    subject: str
    limits: tuple[Limit, ...]
    lease: str
    reserved: int
    actual: int

    def __post_init__(self) -> None:
        checked_cost(self.reserved)
        checked_cost(self.actual)
        distinct(self.limits)

    def buckets(self) -> tuple[str, ...]:
        """The name of each limit's bucket."""
        return tuple(bucket(self.tenant, self.subject, limit) for limit in self.limits)


class Limiter(Protocol):
    """Keeps buckets and decides calls against them, exactly, however many ask at once."""

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions, as if the calls had come one after the other."""
        ...

    def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        ...


def bucket(tenant: str, subject: str, limit: Limit) -> str:
    """The bucket's name: a hash over parts that carry their lengths, so that no part can reach into the next.

    A rate that changes gets a new bucket, since its drops are of another size; a quota that changes goes on with what was used.

    >>> one = Limit(name="c", kind=Kind.CONCURRENCY, amount=1)
    >>> bucket("t", "ab", one) == bucket("ta", "b", one)
    False
    """
    parts = [tenant, subject, limit.name, limit.kind.value]
    if limit.kind is Kind.RATE:
        form = limit.form
        parts += [str(form.unit), str(form.drain)]
    named = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode("utf-8", "surrogatepass") for part in parts))
    return blake2b(named, digest_size=_DIGEST).hexdigest()
