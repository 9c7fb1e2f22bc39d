"""The clock of a tenant in test mode: what time it is, what will happen, and moving it forward through everything that falls due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from billing.customers.store import CustomerStore
from billing.kernel.clock import utc
from billing.kernel.errors import ConflictError, InvalidError
from billing.kernel.money import Money
from billing.payments.coming import coming_all
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from serving.api import documents
from serving.api.context import SecretContext
from serving.jobs.routine import run_until
from serving.settings import grace_of

router = APIRouter(prefix="/v1/test-clock", tags=["test clock"])
LONGEST_ADVANCE = timedelta(days=731)
_LOOK_AHEAD = timedelta(days=62)
MOST_LISTED = 500


class ClockChange(BaseModel):
    """Where to move a test tenant's clock to."""

    advance_to: datetime


@router.get("")
def get_clock(context: SecretContext) -> dict[str, Any]:
    """What time it is for this tenant."""
    return {"now": documents.instant(context.now), "mode": context.principal.tenant.mode.value}


@router.get("/upcoming")
def upcoming(context: SecretContext, until: datetime | None = None) -> dict[str, Any]:
    """What will happen until a moment (62 days from now unless told) if nobody does anything; usage to come is not in the amounts."""
    last = utc(until) if until is not None else context.now + _LOOK_AHEAD
    if not context.now <= last <= context.now + LONGEST_ADVANCE:
        raise InvalidError(
            f"look ahead between now and {LONGEST_ADVANCE.days} days", now=documents.instant(context.now)
        )
    with context.view() as unit:
        steps = coming_all(unit, until=last, grace=grace_of(context.services.settings))[:MOST_LISTED]
        names = CustomerStore(unit).by_ids(step.customer_id for step in steps)
    items = [
        {
            "at": documents.instant(step.at),
            "what": step.what,
            "customer": names[step.customer_id].key,
            "subscription": step.subscription_id or None,
            "amount": None
            if step.amount_minor is None or step.currency is None
            else documents.money(Money(step.amount_minor, step.currency)),
            "usage_to_come": step.usage,
        }
        for step in steps
    ]
    return {"now": documents.instant(context.now), "until": documents.instant(last), "items": items}


@router.post("")
def advance_clock(body: ClockChange, context: SecretContext) -> dict[str, Any]:
    """Move a test tenant's time forward; everything that falls due on the way is done at its own instant, in order."""
    tenant, start = context.principal.tenant, context.now
    if tenant.mode is not Mode.TEST:
        raise ConflictError("only a tenant in test mode has a clock that can be moved", mode=tenant.mode.value)
    target = utc(body.advance_to)
    if target < start:
        raise ConflictError("a test clock only moves forward", now=documents.instant(start))
    if target > start + LONGEST_ADVANCE:
        raise InvalidError(f"advance by at most {LONGEST_ADVANCE.days} days in one call", now=documents.instant(start))

    def moved(moment: datetime) -> None:
        with context.unit() as unit:
            stands = TenantStore(unit).set_clock(tenant.id, moment)
        if stands != moment:
            raise ConflictError("somebody else moved the clock further", now=documents.instant(stands))

    report = run_until(context.services, context.principal.scope, start=start, until=target, moved=moved)
    failed = [{"id": what, "detail": why} for what, why in report.failed]
    return {
        "now": documents.instant(target),
        "invoices_drafted": 0,
        "invoices_issued": 0,
        **report.done,
        "failed": failed,
    }
