"""The gate over HTTP: one check or a list of them."""

from __future__ import annotations

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
from serving.predict.signals import note_denial
from serving.telemetry import ACCESS

router = APIRouter(prefix="/v1/access", tags=["access"])
MAX_CHECKS = 500


class AccessQuestion(BaseModel):
    """Whether this customer may use this feature, or `quantity` more units of it."""

    customer: str = Field(min_length=1, max_length=200)
    feature: str = Field(min_length=1, max_length=200)
    quantity: Decimal = Field(default=Decimal(1), ge=0, le=10**12)


@router.post("/check")
def check_access(
    body: AccessQuestion | Annotated[list[AccessQuestion], Field(max_length=MAX_CHECKS)], context: SecretContext
) -> Any:
    """Whether a customer may; a denial says why and what would unlock it. A list is answered as a list, in order."""
    asked = body if isinstance(body, list) else [body]
    questions = [Question(item.customer, item.feature, item.quantity) for item in asked]
    with context.view() as unit:
        overdue = overdue_reader(context.services, unit, context.now)
        answers = check(unit, questions, now=context.now, overdue=overdue, held=partial(held, unit, now=context.now))
    for answer in answers:
        _count(context, answer)
    found = [documents.access(answer) for answer in answers]
    return found if isinstance(body, list) else found[0]


def _count(context: Context, answer: Access) -> None:
    ACCESS.labels(answer.reason.value).inc()
    if not answer.allowed:
        note_denial(context.services.counters, context.tenant_id, answer.customer, answer.feature)
