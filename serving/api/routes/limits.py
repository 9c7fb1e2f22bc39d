"""Rate limits over HTTP: may this customer call now, what did a call come to, and what is left."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.kernel.errors import InvalidError
from billing.ratelimits.call import Call, Settlement
from billing.ratelimits.decide import Decision, Verdict
from billing.ratelimits.limit import MOST_COST, Kind
from serving.api.context import Context, SecretContext
from serving.limits.headers import limit_headers
from serving.limits.plan import EPOCH, MICROSECOND, limits_of

router = APIRouter(prefix="/v1/limits", tags=["limits"])
_MICRO_TO_MILLI = 1000


class LimitQuestion(BaseModel):
    """A call that a customer is about to make; with `reserve` its cost is settled afterwards."""

    customer: str = Field(min_length=1, max_length=200)
    route: str = Field(default="", max_length=200)
    cost: int = Field(default=1, ge=0, le=1000)
    reserve: bool = False


class LimitSettlement(BaseModel):
    """What a reserved call came to."""

    customer: str = Field(min_length=1, max_length=200)
    lease: str = Field(pattern=r"^[0-9]{1,10}-[0-9a-f]{24}$")
    cost: int = Field(ge=0, le=MOST_COST)


@router.post("/check")
async def check_limits(body: LimitQuestion, context: SecretContext) -> JSONResponse:
    """Whether the call may be made: 200, or 429 with when to come again. All its limits take the cost, or none does."""
    call = await run_in_threadpool(_call, context, body.customer, body.cost, body.route, reserve=body.reserve)
    return _answer(await context.services.limiter.decide(call))


@router.post("/settle")
async def settle_limits(body: LimitSettlement, context: SecretContext) -> dict[str, Any]:
    """Replace the reserved cost by the actual one and end the call in flight; a lease settles once."""
    reserved = int(body.lease.partition("-")[0])
    if reserved > MOST_COST:
        raise InvalidError("this lease is not one of ours", lease=body.lease)
    call = await run_in_threadpool(_call, context, body.customer, 0, "")
    settlement = Settlement(
        tenant=call.tenant,
        subject=call.subject,
        limits=call.limits,
        lease=body.lease,
        reserved=reserved,
        actual=body.cost,
        standing=call.standing,
    )
    return {"settled": await context.services.limiter.settle(settlement)}


@router.get("")
async def read_limits(customer: str, context: SecretContext) -> dict[str, Any]:
    """The customer's limits and what is left of each."""
    call = await run_in_threadpool(_call, context, customer, 0, "")
    decision = await context.services.limiter.decide(call)
    return {"customer": customer, "limits": [_limit(each) for each in decision.verdicts]}


def _call(context: Context, customer: str, cost: int, route: str, *, reserve: bool = False) -> Call:
    frozen_at = context.principal.tenant.frozen_at
    is_frozen = frozen_at is not None
    with context.view() as unit:
        customer_id, limits, routes = limits_of(unit, customer, now=context.now, is_frozen=is_frozen)
    cost *= routes.get(route, 1)
    in_flight = any(limit.kind is Kind.CONCURRENCY for limit in limits)
    lease = f"{cost}-{secrets.token_hex(12)}" if cost and (reserve or in_flight) else ""
    return Call(
        tenant=context.tenant_id,
        subject=customer_id,
        limits=limits,
        cost=cost,
        lease=lease,
        standing=None if frozen_at is None else (frozen_at - EPOCH) // MICROSECOND,
    )


def _answer(decision: Decision) -> JSONResponse:
    retry = decision.retry_us
    body: dict[str, Any] = {
        "allowed": decision.allowed,
        "wait_ms": -(-decision.wait_us // _MICRO_TO_MILLI),
        "lease": decision.lease or None,
        "limits": [_limit(each) for each in decision.verdicts],
    }
    if decision.allowed:
        return JSONResponse(body, headers=limit_headers(decision))
    body |= {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "code": "rate_limited",
        "detail": f"over the limit: {', '.join(decision.violated)}",
        "violated-policies": list(decision.violated),
        "retry_ms": None if retry is None else -(-retry // _MICRO_TO_MILLI),
    }
    return JSONResponse(body, 429, limit_headers(decision), "application/problem+json")


def _limit(verdict: Verdict) -> dict[str, Any]:
    limit = verdict.limit
    return {
        "name": limit.name,
        "kind": limit.kind.value,
        "mode": limit.mode.value,
        "limit": limit.units,
        "remaining": verdict.remaining,
        "used": verdict.used,
        "used_percent": verdict.used_ppm // 10_000,
        "resets_in_ms": -(-verdict.reset_us // _MICRO_TO_MILLI),
        "exceeded": verdict.exceeded,
    }
