"""The business's policy of offers: caps, quiet hours, holdout, and the switches that stop a rule, a target or a placement at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from features.offers.change import kill, put_policy, revive
from features.offers.document import read_policy, write_policy
from features.offers.policy import LONGEST_NAME, MOST_KILLED
from features.offers.store import OfferPolicyStore
from serving.api.context import SecretContext

if TYPE_CHECKING:
    from billing.db.session import Unit

router = APIRouter(prefix="/v1/offers", tags=["offers"])
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Switch = Annotated[
    str, Path(min_length=1, max_length=LONGEST_NAME, description="a rule, a target or a placement; * is all")
]
LocalTime = Annotated[str, Field(pattern=r"^[0-2][0-9]:[0-5][0-9]$")]


class CapBody(BaseModel):
    """At most `most` showings in any `window_hours`."""

    model_config = ConfigDict(extra="forbid")
    most: int = Field(ge=0)
    window_hours: int = Field(default=168, ge=1, le=8784)


class CapsBody(BaseModel):
    """Caps for one person, one customer, one offer, one placement and everybody; null is no cap, left out is the default."""

    model_config = ConfigDict(extra="forbid")
    person: CapBody | None = None
    customer: CapBody | None = None
    offer: CapBody | None = None
    placement: CapBody | None = None
    tenant: CapBody | None = None


class QuietBody(BaseModel):
    """Local hours of the customer in which nothing is offered, such as 21:00 to 08:00."""

    model_config = ConfigDict(extra="forbid")
    start: LocalTime
    end: LocalTime


class PolicyBody(BaseModel):
    """The whole policy; what is left out has its default."""

    model_config = ConfigDict(extra="forbid")
    caps: CapsBody = Field(default_factory=CapsBody)
    quiet_hours: QuietBody | None = None
    first_days: int = Field(default=3, ge=0, le=365)
    killed: list[Name] = Field(default_factory=list, max_length=MOST_KILLED)
    consent: str = Field(default="", max_length=LONGEST_NAME)
    buyers: list[Name] = Field(default_factory=list, max_length=MOST_KILLED)
    holdout_per_ten_thousand: int | None = Field(default=None, ge=0, le=10_000)
    holdout_salt: Name = "holdout-1"
    annoyance_minor: int = Field(default=0, ge=0, le=10**9)
    margin_bps: int = Field(default=7_000, ge=0, le=10_000)
    explore: float = Field(default=0.1, ge=0, le=1)
    limit_thresholds: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[80, 95, 100], min_length=1, max_length=10
    )
    save_coupons: list[Name] = Field(default_factory=list, max_length=20)
    save_pause_days: int = Field(default=30, ge=0, le=365)
    save_smaller: bool = True


@router.get("/policy")
def get_policy(context: SecretContext) -> dict[str, Any]:
    """The policy in force, every field of it."""
    with context.view() as unit:
        return write_policy(OfferPolicyStore(unit).get())


@router.put("/policy")
def replace_policy(body: PolicyBody, context: SecretContext) -> JSONResponse:
    """Put the whole policy in place of the one before. It holds for the next decision."""
    policy = read_policy(body.model_dump(exclude_unset=True))

    def work(unit: Unit) -> dict[str, Any]:
        return write_policy(put_policy(unit, policy, now=context.now))

    return context.write(work, body=body)


@router.put("/killed/{switch}")
def kill_offer(switch: Switch, context: SecretContext) -> JSONResponse:
    """Switch off a rule, a target or a placement, or everything with `*`: from the next decision on nothing of it is shown."""
    return context.write(lambda unit: write_policy(kill(unit, switch, now=context.now)))


@router.delete("/killed/{switch}")
def revive_offer(switch: Switch, context: SecretContext) -> JSONResponse:
    """Switch it on again; what was not switched off stays as it is."""
    return context.write(lambda unit: write_policy(revive(unit, switch, now=context.now)))
