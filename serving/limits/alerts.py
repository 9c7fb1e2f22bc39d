"""Says when a customer has used 80 % and 100 % of a quota: once a billing period, in the transaction that counted the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from billing.ratelimits.limit import Kind

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.ratelimits.call import Call
    from billing.ratelimits.decide import Decision

_STEPS = (80, 100)
_PPM_A_PERCENT = 10_000


def tell_used(unit: Unit, call: Call, decision: Decision) -> None:
    """Emit `limit.used_80` and `limit.used_100`, as far as the call's quotas are used."""
    if not decision.allowed or not call.cost:
        return
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=decision.now)
    for verdict in decision.verdicts:
        if verdict.limit.kind is not Kind.QUOTA:
            continue
        start = verdict.limit.window(decision.now)[0]
        for step in _STEPS:
            if verdict.used_ppm >= step * _PPM_A_PERCENT:
                payload = {"customer_id": call.subject, "limit": verdict.limit.name, "percent": step}
                unit.emit_once(f"limit.used_{step}", f"{call.subject}:{verdict.limit.name}:{start}", payload, at)
