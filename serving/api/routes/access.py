"""The gate over HTTP: one check or a list of them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from billing.entitlements.access import Access
from billing.entitlements.check import Question, check
from billing.entitlements.holds.use import held
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.payments import overdue_reader
from serving.predict.denials import note_denial
from serving.telemetry import ACCESS

router = APIRouter(prefix="/v1/access", tags=["access"])
MAX_CHECKS = 500


class AccessQuestion(BaseModel):
    """Whether this customer may use this feature, or `quantity` more units of it.

    `max_age_ms` lets an answer be as old as that: it then comes from memory, as of `as_of`, and costs no query.
    """

    customer: str = Field(min_length=1, max_length=200)
    feature: str = Field(min_length=1, max_length=200)
    quantity: Decimal = Field(default=Decimal(1), ge=0, le=10**12)
    max_age_ms: int = Field(default=0, ge=0, le=300_000)


@router.post("/check")
def check_access(
    body: AccessQuestion | Annotated[list[AccessQuestion], Field(max_length=MAX_CHECKS)], context: SecretContext
) -> Any:
    """Whether a customer may; a denial says why and what would unlock it. A list is answered as a list, in order."""
    asked = body if isinstance(body, list) else [body]
    found = [_remembered(context, item) for item in asked]
    fresh = [item for item, known in zip(asked, found, strict=True) if known is None]
    if fresh:
        questions = [Question(item.customer, item.feature, item.quantity) for item in fresh]
        with context.view() as unit:
            late, aside = overdue_reader(context.services, unit, context.now), partial(held, unit, now=context.now)
            answers = iter(check(unit, questions, now=context.now, overdue=late, held=aside))
        found = [next(answers) if known is None else known for known in found]
    told = [known for known in found if known is not None]
    for answer in told:
        _count(context, answer)
    shown = [documents.access(answer) for answer in told]
    return shown if isinstance(body, list) else shown[0]


def _remembered(context: Context, item: AccessQuestion) -> Access | None:
    """The answer from memory where the caller takes one of its age; None where it has to be read."""
    if not item.max_age_ms:
        return None
    found = context.services.gate.snapshot(context.principal.scope, item.customer, context.now)
    if context.now - found.read_at > timedelta(milliseconds=item.max_age_ms):
        return None
    return found.answer(item.feature, item.quantity)


def _count(context: Context, answer: Access) -> None:
    ACCESS.labels(answer.reason.value).inc()
    if not answer.allowed:
        note_denial(context.services.counters, context.tenant_id, answer.customer, answer.feature, now=context.now)
        context.services.cards.drop(context.tenant_id, answer.customer)
