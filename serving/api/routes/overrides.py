"""Overrides: a customer's right to one feature set by hand, with its reason and its end."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictInt

from billing.db.session import Unit
from billing.entitlements.override import LONGEST_REASON, drop_override, put_override
from serving.api import documents
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1/customers", tags=["access"])


class OverrideBody(BaseModel):
    """True or false for a boolean feature; units a period, or null for no limit, for a limit. It counts until `expires_at`."""

    value: StrictBool | StrictInt | None
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    expires_at: AwareDatetime | None = None


@router.put("/{key}/overrides/{feature}")
def set_override(key: str, feature: str, body: OverrideBody, context: SecretContext) -> JSONResponse:
    """Set a customer's right to a feature, in place of what their plan and add-ons give."""

    def work(unit: Unit) -> dict[str, Any]:
        made = put_override(
            unit, key, feature, value=body.value, why=body.reason, ends_at=body.expires_at, now=context.now
        )
        return {
            "feature": made.feature,
            "value": made.value,
            "reason": made.why,
            "starts_at": documents.instant(made.starts_at),
            "expires_at": documents.instant(made.ends_at),
        }

    return context.write(work, body=body)


@router.delete("/{key}/overrides/{feature}")
def remove_override(key: str, feature: str, context: SecretContext) -> JSONResponse:
    """Give a customer's feature back to what was bought."""

    def work(unit: Unit) -> dict[str, Any]:
        drop_override(unit, key, feature, now=context.now)
        return {"feature": feature, "removed": True}

    return context.write(work)
