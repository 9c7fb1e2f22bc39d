"""The limiter of a database: any number of processes, exact, and still there after a restart.

The calls of one batch share a transaction and its commit; their buckets are locked in one order, so batches wait for each other in turn.
A call alone under one limit is one conditional statement instead, as long as it fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from billing.db.scope import Scope
from billing.ratelimits.decide import decide, judge, settle, settled_state
from billing.ratelimits.lifetime import ends_at
from billing.ratelimits.store import BucketStore
from billing.ratelimits.take_store import is_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Database, Unit
    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision, State


class Hearer(Protocol):
    """Who is told of what is kept, inside the transaction that keeps it."""

    def decided(self, unit: Unit, call: Call, decision: Decision) -> None:
        """A call was decided."""
        ...

    def settled(
        self, unit: Unit, settlement: Settlement, before: Sequence[State], after: Sequence[State], now: int
    ) -> None:
        """A call was settled; the states of its limits, brought to `now`, and what became of them."""
        ...


class SqlLimiter:
    """Decides by the database's clock; `in_one_statement` is there to be measured without."""

    def __init__(self, database: Database, hearer: Hearer | None = None, *, in_one_statement: bool = True) -> None:
        self._database = database
        self._hearer = hearer
        self._in_one_statement = in_one_statement
        self._about = 0  # the database's time when it was last asked

    def decide(self, calls: Sequence[Call]) -> list[Decision]:
        """The decisions, in order; the calls of each tenant in a transaction of their own."""
        decisions: dict[int, Decision] = {}
        for tenant in dict.fromkeys(call.tenant for call in calls):
            own = {place: call for place, call in enumerate(calls) if call.tenant == tenant}
            with self._database.unit(Scope(tenant)) as unit:
                decisions.update(zip(own, self._of_tenant(unit, list(own.values())), strict=True))
        return [decisions[place] for place in range(len(calls))]

    def peek(self, call: Call) -> Decision:
        """What the limits say to a call that is refused in any case: nothing is taken, nothing locked."""
        with self._database.view(Scope(call.tenant)) as unit:
            names = call.buckets()
            held = BucketStore(unit).read(names)
        present = [
            settled_state(held.states[name], each, each.form, held.now)
            for name, each in zip(names, call.limits, strict=True)
        ]
        return judge(present, call.limits, call.cost, held.now, may_take=False)

    def _of_tenant(self, unit: Unit, calls: Sequence[Call]) -> list[Decision]:
        decisions = self._quickly(unit, calls) or self._under_locks(unit, calls)
        if self._hearer is not None:
            for call, decision in zip(calls, decisions, strict=True):
                self._hearer.decided(unit, call, decision)
        return decisions

    def _quickly(self, unit: Unit, calls: Sequence[Call]) -> list[Decision] | None:
        if len(calls) != 1 or not self._in_one_statement or not is_plain(calls[0]):
            return None
        [call] = calls
        [limit], [name] = call.limits, call.buckets()
        taken = BucketStore(unit).take(call, name, self._about)
        if taken is None:
            return None
        self._about = taken.now
        before = taken.before(limit.cost(call.cost) * limit.form.unit)
        return [judge([before], call.limits, call.cost, taken.now)]

    def _under_locks(self, unit: Unit, calls: Sequence[Call]) -> list[Decision]:
        named = [call.buckets() for call in calls]
        store = BucketStore(unit)
        held = store.hold(name for names in named for name in names)
        self._about = held.now
        states, changed, decisions = dict(held.states), {}, []
        for call, names in zip(calls, named, strict=True):
            before = [states[name] for name in names]
            decision, after = decide(before, call.limits, call.cost, held.now, lease=call.lease)
            if decision.allowed and call.cost:
                states.update(zip(names, after, strict=True))
                changed.update(_lasting(names, call, after))
            decisions.append(decision)
        store.keep(changed)
        return decisions

    def settle(self, settlement: Settlement) -> int | None:
        """Replace the reserved cost by the actual one; the instant of it, or None when there is nothing to settle."""
        with self._database.unit(Scope(settlement.tenant)) as unit:
            store, names = BucketStore(unit), settlement.buckets()
            held = store.hold(names)
            before = [held.states[name] for name in names]
            found, after = settle(
                before,
                settlement.limits,
                reserved=settlement.reserved,
                actual=settlement.actual,
                now=held.now,
                lease=settlement.lease,
                since=settlement.since,
                resets=settlement.resets,
            )
            if found:
                store.keep(_lasting(names, settlement, after))
                if self._hearer is not None:
                    present = [
                        settled_state(*each, held.now)
                        for each in zip(
                            before, settlement.limits, [limit.form for limit in settlement.limits], strict=True
                        )
                    ]
                    self._hearer.settled(unit, settlement, present, after, held.now)
            return held.now if found else None


def _lasting(names: Sequence[str], call: Call | Settlement, after: Sequence[State]) -> dict[str, tuple[State, int]]:
    return {
        name: (state, ends_at(state, limit, limit.form))
        for name, limit, state in zip(names, call.limits, after, strict=True)
    }
