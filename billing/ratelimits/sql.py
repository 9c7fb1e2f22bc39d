"""The limiter of a database: any number of processes, exact, and still there after a restart.

The calls of one batch share a transaction and its commit; their buckets are locked in one order, so batches wait for each other in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.db.scope import Scope
from billing.ratelimits.decide import decide, settle
from billing.ratelimits.lifetime import ends_at
from billing.ratelimits.store import BucketStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.db.session import Database, Unit
    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision, State


class SqlLimiter:
    """Decides by the database's clock. `hear`, if given, is told of each decision inside the transaction that keeps it."""

    def __init__(self, database: Database, hear: Callable[[Unit, Call, Decision], None] | None = None) -> None:
        self._database = database
        self._hear = hear

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions, in order; the calls of each tenant in a transaction of their own."""
        decisions: dict[int, Decision] = {}
        for tenant in dict.fromkeys(call.tenant for call in calls):
            own = {place: call for place, call in enumerate(calls) if call.tenant == tenant}
            with self._database.unit(Scope(tenant)) as unit:
                decisions.update(zip(own, self._of_tenant(unit, list(own.values())), strict=True))
        return [decisions[place] for place in range(len(calls))]

    def _of_tenant(self, unit: Unit, calls: Sequence[Call]) -> list[Decision]:
        named = [call.buckets() for call in calls]
        store = BucketStore(unit)
        held = store.hold(name for names in named for name in names)
        states, changed, decisions = dict(held.states), {}, []
        for call, names in zip(calls, named, strict=True):
            before = [states[name] for name in names]
            decision, after = decide(before, call.limits, call.cost, held.now, lease=call.lease)
            if decision.allowed and call.cost:
                states.update(zip(names, after, strict=True))
                changed.update(_lasting(names, call, after))
            decisions.append(decision)
        store.keep(changed)
        if self._hear is not None:
            for call, decision in zip(calls, decisions, strict=True):
                self._hear(unit, call, decision)
        return decisions

    def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        with self._database.unit(Scope(settlement.tenant)) as unit:
            store, names = BucketStore(unit), settlement.buckets()
            held = store.hold(names)
            found, after = settle(
                [held.states[name] for name in names],
                settlement.limits,
                reserved=settlement.reserved,
                actual=settlement.actual,
                now=held.now,
                lease=settlement.lease,
            )
            if found:
                store.keep(_lasting(names, settlement, after))
            return held.now if found else None


def _lasting(names: Sequence[str], call: Call | Settlement, after: Sequence[State]) -> dict[str, tuple[State, int]]:
    return {
        name: (state, ends_at(state, limit, limit.form))
        for name, limit, state in zip(names, call.limits, after, strict=True)
    }
