"""Seats that come and go at one instant: whatever the price of a seat and the way of sharing, there and back costs nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.plan import PlanKind, PlanVersion
from billing.catalog.terms import PlanTerms, Proration, QuantityOf
from billing.kernel.cadence import Cadence, Interval
from billing.subscriptions.preview import price_change
from billing.subscriptions.subscription import Status, Subscription
from tests.shop import START

CENTS = st.integers(0, 100_000).map(lambda minor: f"{minor // 100}.{minor % 100:02}")
SHARED = st.sampled_from([Proration.BY_SECOND, Proration.BY_DAY])
SEATS = st.integers(1, 200)
SECONDS = st.integers(0, 28 * 86_400 - 1)


@st.composite
def _prices(draw: st.DrawFn) -> dict[str, Any]:
    """A price a seat: one, tier by tier, or that of the tier that all seats reach."""
    model = draw(st.sampled_from(["per_unit", "graduated", "volume"]))
    if model == "per_unit":
        return {"model": model, "unit_price": draw(CENTS)}
    tiers = [{"up_to": str(draw(st.integers(1, 100))), "unit_price": draw(CENTS)}]
    return {"model": model, "tiers": [*tiers, {"up_to": None, "unit_price": draw(CENTS)}]}


@st.composite
def _versions(draw: st.DrawFn, key: str = "one", policy: Proration | None = None) -> PlanVersion:
    """A plan by the seat with a fee beside it."""
    charges = (
        {"key": "seat", "name": "Seats", "per": "seat", "price": draw(_prices())},
        {"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": draw(CENTS)}},
    )
    return PlanVersion(
        id=f"pv_{key}",
        plan_key=key,
        plan_name=key,
        kind=PlanKind.PLAN,
        rank=0,
        number=1,
        currency="EUR",
        interval="month",
        interval_count=1,
        charges=charges,
        grants=(),
        requires=(),
        published_at=START,
        terms=PlanTerms(quantity=QuantityOf.SEATS, proration=policy or draw(SHARED)),
    )


def _on(version: PlanVersion, seats: int) -> Subscription:
    return Subscription(
        id="sub_1",
        customer_id="cus_1",
        plan_key=version.plan_key,
        version_id=version.id,
        currency="EUR",
        cadence=Cadence(START, Interval.MONTH, 1, "UTC"),
        status=Status.ACTIVE,
        started_at=START,
        ends_at=None,
        billed_periods=1,
        revision=1,
        usage_from=START,
        seats=seats,
    )


def _total(version: PlanVersion, seats: int, target: PlanVersion, others: int, seconds: int) -> int:
    at = START + timedelta(seconds=seconds)
    moved = price_change(_on(version, seats), target, {version.id: version}, at=at, seats=others)
    return moved.total.amount_minor


@given(_versions(), SEATS, SEATS, SECONDS)
def test_more_seats_and_back_net_to_zero(plan: PlanVersion, seats: int, others: int, seconds: int) -> None:
    """To the cent, by any price of a seat."""
    if seats != others:
        assert _total(plan, seats, plan, others, seconds) + _total(plan, others, plan, seats, seconds) == 0


@given(st.data(), SHARED, SEATS, SEATS, SECONDS)
def test_another_plan_in_other_seats_and_back_net_to_zero(
    data: st.DataObject, policy: Proration, seats: int, others: int, seconds: int
) -> None:
    """Both sides share the period in one way."""
    one = data.draw(_versions("one", policy))
    two = data.draw(_versions("two", policy))

    assert _total(one, seats, two, others, seconds) + _total(two, others, one, seats, seconds) == 0


@given(CENTS, st.integers(1, 100), st.integers(1, 100))
def test_seats_are_paid_for_the_rest_of_the_period(price: str, seats: int, more: int) -> None:
    """At the half of 28 days, so many more seats cost half their price, give or take the cents of two roundings."""
    plan = PlanVersion(
        id="pv_1",
        plan_key="one",
        plan_name="one",
        kind=PlanKind.PLAN,
        rank=0,
        number=1,
        currency="EUR",
        interval="month",
        interval_count=1,
        charges=({"key": "s", "name": "S", "per": "seat", "price": {"model": "per_unit", "unit_price": price}},),
        grants=(),
        requires=(),
        published_at=START,
        terms=PlanTerms(quantity=QuantityOf.SEATS),
    )
    half = _total(plan, seats, plan, seats + more, 14 * 86_400)
    minor = int(price.replace(".", "")) * more

    assert abs(2 * half - minor) <= 2
