"""Rights that are given rather than bought: set by hand, with a reason and an end, or tried out for some days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from billing.catalog.setting import given, said
from billing.db.session import Unit
from billing.entitlements.given import (
    LONGEST_REASON,
    LONGEST_TRIAL_DAYS,
    drop_override,
    end_trial,
    put_override,
    start_trial,
)
from billing.entitlements.grant import Grant
from serving.api import documents
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1/customers", tags=["access"])


class OverrideBody(BaseModel):
    """True or false, units a period or null for no limit, or any JSON for a configuration. It counts until `expires_at`."""

    value: Any
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    expires_at: AwareDatetime | None = None


class TrialBody(BaseModel):
    """What is tried out beside what was bought, for how many days; `again` lets a customer who has tried it before."""

    value: Any = True
    days: int = Field(ge=1, le=LONGEST_TRIAL_DAYS)
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    again: bool = False


@router.put("/{key}/overrides/{feature}")
def set_override(key: str, feature: str, body: OverrideBody, context: SecretContext) -> JSONResponse:
    """Set a customer's right to a feature, in place of what their plan and add-ons give."""

    def work(unit: Unit) -> dict[str, Any]:
        made = put_override(
            unit, key, feature, value=given(body.value), why=body.reason, ends_at=body.expires_at, now=context.now
        )
        return _document(made)

    return context.write(work, body=body)


@router.delete("/{key}/overrides/{feature}")
def remove_override(key: str, feature: str, context: SecretContext) -> JSONResponse:
    """Give a customer's feature back to what was bought."""

    def work(unit: Unit) -> dict[str, Any]:
        drop_override(unit, key, feature, now=context.now)
        return {"feature": feature, "removed": True}

    return context.write(work)


@router.put("/{key}/trials/{feature}")
def try_out(key: str, feature: str, body: TrialBody, context: SecretContext) -> JSONResponse:
    """Let a customer try a feature out for some days, beside what they have bought: once each."""

    def work(unit: Unit) -> dict[str, Any]:
        made = start_trial(
            unit,
            key,
            feature,
            value=given(body.value),
            why=body.reason,
            life=timedelta(days=body.days),
            now=context.now,
            again=body.again,
        )
        return _document(made)

    return context.write(work, body=body)


@router.delete("/{key}/trials/{feature}")
def stop_trying(key: str, feature: str, context: SecretContext) -> JSONResponse:
    """End a trial before its time."""

    def work(unit: Unit) -> dict[str, Any]:
        end_trial(unit, key, feature, now=context.now)
        return {"feature": feature, "ended": True}

    return context.write(work)


def _document(made: Grant) -> dict[str, Any]:
    return {
        "feature": made.feature,
        "value": said(made.value),
        "reason": made.why,
        "starts_at": documents.instant(made.starts_at),
        "expires_at": documents.instant(made.ends_at),
    }
