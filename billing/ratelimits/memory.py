"""The limiter of one process: buckets in a dictionary under a lock; what is as good as empty is swept out as they double."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from billing.ratelimits.decide import EMPTY, State, decide, settle
from billing.ratelimits.lifetime import ends_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision

MOST_BUCKETS = 200_000
_LEAST_SWEEP = 1024


class MemoryLimiter:
    """`microseconds` is the clock; at most `most_buckets` are kept, of which those unused for longest go first."""

    def __init__(self, microseconds: Callable[[], int], *, most_buckets: int = MOST_BUCKETS) -> None:
        self._microseconds = microseconds
        self._most = most_buckets
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[State, int]] = {}
        self._sweep_at = min(_LEAST_SWEEP, most_buckets + 1)

    def __len__(self) -> int:
        return len(self._buckets)

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions, as if the calls had come one after the other."""
        with self._lock:
            return [self._one(call, self._microseconds()) for call in calls]

    def _one(self, call: Call, now: int) -> Decision:
        names = call.buckets()
        states = [self._buckets.get(name, (EMPTY, 0))[0] for name in names]
        decision, after = decide(states, call.limits, call.cost, now, lease=call.lease)
        if decision.allowed and call.cost:
            self._keep(names, call, after)
            self._sweep(now)
        return decision

    def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        with self._lock:
            names, now = settlement.buckets(), self._microseconds()
            states = [self._buckets.get(name, (EMPTY, 0))[0] for name in names]
            found, after = settle(
                states,
                settlement.limits,
                reserved=settlement.reserved,
                actual=settlement.actual,
                now=now,
                lease=settlement.lease,
                since=settlement.since,
                resets=settlement.resets,
            )
            if found:
                self._keep(names, settlement, after)
            return now if found else None

    def _keep(self, names: Sequence[str], call: Call | Settlement, after: Sequence[State]) -> None:
        for name, limit, state in zip(names, call.limits, after, strict=True):
            self._buckets.pop(name, None)  # to the young end
            self._buckets[name] = (state, ends_at(state, limit, limit.form))

    def _sweep(self, now: int) -> None:
        if len(self._buckets) < self._sweep_at:
            return
        self._buckets = {name: kept for name, kept in self._buckets.items() if kept[1] > now}
        while len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
        self._sweep_at = min(self._most + 1, max(_LEAST_SWEEP, 2 * len(self._buckets)))
