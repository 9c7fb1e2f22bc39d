"""What the count of a quota brings about, in the transaction that counts: alerts at 80 % and 100 %, and usage that is billed beyond it.

Units beyond a quota of mode `overage` become a usage event of the meter that the limit names, whose value is by how many units the excess
grew; a settled call that came to less makes it shrink, by an event below zero. The meter adds the values up (its aggregation is `sum`), so
at any time it says exactly what was used beyond. The event and the count are one transaction: there is never one without the other.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.db.changes import changed
from billing.kernel.ids import new_id
from billing.metering.store import EventStore
from billing.ratelimits.limit import Kind, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Unit
    from billing.ratelimits.call import Call, Settlement
    from billing.ratelimits.decide import Decision, State, Verdict

SOURCE = "uptier.limits"
STEPS = (80, 100)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_REMEMBERED = 50_000


class Facts:
    """Hears every decision and settlement of the database's limiter."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def decided(self, unit: Unit, call: Call, decision: Decision) -> None:
        """Tell how far the quotas of an allowed call are used, and count what went beyond."""
        if not decision.allowed or not call.cost:
            return
        for verdict in decision.verdicts:
            limit = verdict.limit
            if limit.kind is Kind.QUOTA:
                taken = limit.cost(call.cost)
                self._alert(unit, call, verdict, decision.now, taken)
                _bill(unit, call, limit, verdict.used - taken, verdict.used, decision.now)

    def settled(
        self, unit: Unit, settlement: Settlement, before: Sequence[State], after: Sequence[State], now: int
    ) -> None:
        """Correct what was counted beyond; an alert is not taken back."""
        for limit, old, new in zip(settlement.limits, before, after, strict=True):
            if limit.kind is Kind.QUOTA:
                _bill(unit, settlement, limit, old.level, new.level, now)

    def _alert(self, unit: Unit, call: Call, verdict: Verdict, now: int, taken: int) -> None:
        """Say it when the step is crossed, and the first time this process sees it behind: the limit may have been lowered meanwhile."""
        limit, start = verdict.limit, verdict.limit.window(now)[0]
        for step in STEPS:
            line = step * limit.amount
            if 100 * verdict.used < line:
                return
            key = (call.tenant, call.subject, limit.name, str(start), str(step))
            if 100 * (verdict.used - taken) >= line and key in self._told:
                continue
            payload = {"customer_id": call.subject, "limit": limit.name, "percent": step}
            unit.emit_once(f"limit.used_{step}", f"{call.subject}:{limit.name}:{start}", payload, _moment(call, now))
            self._remember(key)

    def _remember(self, key: tuple[str, ...]) -> None:
        self._told[key] = None
        if len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)


def _bill(unit: Unit, call: Call | Settlement, limit: Limit, before: int, after: int, now: int) -> None:  # noqa: PLR0917 (one count's change)
    beyond = max(0, after - limit.amount) - max(0, before - limit.amount)
    if not limit.meter or not beyond:
        return
    meter = CatalogStore(unit).meter(limit.meter)
    start, end = limit.window(now)
    at = _EPOCH + min(max(now if call.standing is None else call.standing, start), end - 1) * _MICROSECOND
    belongs = {name: values[0] for name, values in meter.filters.items()}
    data = {**belongs, "limit": limit.name, meter.prop or "value": beyond}
    EventStore(unit).add([(SOURCE, new_id("over"), meter.event_type, call.subject, at, _moment(call, now), data)])
    changed(unit.session, {call.subject})


def _moment(call: Call | Settlement, now: int) -> datetime:
    return _EPOCH + (now if call.standing is None else call.standing) * _MICROSECOND
