"""Moving subscriptions to a newer version of their plan: nobody moves without it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from billing.subscriptions.change import When
from billing.subscriptions.migrate import migrate
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1/plans", tags=["plans"])


class Move(BaseModel):
    """From older versions (all of them unless named) to version `to`; `after` goes on where an earlier call stopped."""

    to: int = Field(ge=1)
    from_versions: list[int] | None = Field(default=None, max_length=1_000)
    when: Literal["now", "period_end"] = "period_end"
    limit: int = Field(default=100, ge=1, le=1_000)
    after: str = Field(default="", max_length=60)


@router.post("/{plan}/migrate")
def move(plan: str, body: Move, context: SecretContext) -> dict[str, Any]:
    """Move subscriptions, each in a transaction of its own; calling it again moves only what is left."""
    done = migrate(
        context.unit,
        plan,
        body.to,
        now=context.now,
        from_versions=body.from_versions,
        when=When(body.when),
        limit=body.limit,
        after=body.after,
    )
    skipped = [{"subscription": subscription, "reason": reason} for subscription, reason in done.skipped]
    return {"moved": done.moved, "skipped": skipped, "next_after": done.next_after}
