"""How long a bucket has to be kept: until it is as good as new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ratelimits.limit import Kind, Limit, Shape

if TYPE_CHECKING:
    from billing.ratelimits.decide import State

GRACE_US = 86_400_000_000
"""How long a finished quota stays: a day, for clocks that stand apart and for whoever reads it late."""


def ends_at(state: State, limit: Limit, form: Shape) -> int:
    """The instant, in microseconds, from which the bucket says no more than an empty one."""
    leased = max((end for _, end in state.leases), default=0)
    if limit.kind is Kind.CONCURRENCY:
        return leased
    if limit.kind is Kind.QUOTA:
        return max(leased, limit.window(state.at)[1] + GRACE_US)
    if not form.drain:
        return max(leased, state.at + GRACE_US)
    return max(leased, state.at - (-state.level // form.drain))
