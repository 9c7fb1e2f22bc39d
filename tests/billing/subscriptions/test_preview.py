"""What a change says it costs: nothing for going there and back, and what is previewed is what is billed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.plan import PlanKind, PlanVersion
from billing.catalog.terms import PlanTerms, Proration, QuantityOf
from billing.kernel.cadence import Cadence, Interval
from billing.subscriptions.preview import Effect, price_change
from billing.subscriptions.subscription import Status, Subscription
from billing.subscriptions.turn import starts_over

START = datetime(2026, 1, 31, 9, tzinfo=UTC)


def _version(key: str, amount: int, terms: PlanTerms) -> PlanVersion:
    price = {"model": "flat", "amount": f"{amount // 100}.{amount % 100:02}"}
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
        charges=({"key": "fee", "name": key, "price": price},),
        grants=(),
        requires=(),
        published_at=START,
        terms=terms,
    )


def _on(version: PlanVersion, seats: int, billed: int = 1) -> Subscription:
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
        billed_periods=billed,
        revision=1,
        usage_from=START,
        seats=seats,
    )


@given(
    st.integers(0, 100_000),
    st.integers(0, 100_000),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(0, 28 * 86_400 - 1),
)
def test_going_up_and_down_at_one_instant_nets_to_zero(
    low: int, high: int, seats: int, others: int, seconds: int
) -> None:
    """To another plan in other seats and back: the lines cancel out to the cent."""
    terms = PlanTerms(quantity=QuantityOf.SEATS)
    one, two = _version("one", low, terms), _version("two", high, terms)
    at = START + timedelta(seconds=seconds)

    up = price_change(_on(one, seats), two, {one.id: one}, at=at, seats=others)
    down = price_change(_on(two, others), one, {two.id: two}, at=at, seats=seats)

    assert (up.total + down.total).amount_minor == 0


@given(st.integers(1, 100_000), st.integers(1, 50), st.integers(1, 50), st.integers(0, 28 * 86_400 - 1))
def test_other_seats_and_back_net_to_zero(amount: int, seats: int, others: int, seconds: int) -> None:
    """The same for seats alone."""
    if seats == others:
        return
    plan = _version("one", amount, PlanTerms(quantity=QuantityOf.SEATS))
    at = START + timedelta(seconds=seconds)

    there = price_change(_on(plan, seats), plan, {plan.id: plan}, at=at, seats=others)
    back = price_change(_on(plan, others), plan, {plan.id: plan}, at=at, seats=seats)

    assert (there.total + back.total).amount_minor == 0


def test_a_full_reset_starts_the_periods_over() -> None:
    """Between versions of one interval, too; a step of the same interval otherwise stays inside its period."""
    plain = _version("one", 900, PlanTerms())
    reset = _version("two", 4900, PlanTerms(proration=Proration.FULL_RESET))
    at = START + timedelta(days=14)

    moved = price_change(_on(plain, 1), reset, {plain.id: plain}, at=at)

    assert (starts_over(reset, plain), moved.effect) == (True, Effect.RESTART)
    assert (moved.total.amount_minor, [line.amount.amount_minor for line in moved.waiting]) == (4900 - 450, [-450])


def test_what_a_plan_without_proration_gave_away_is_never_credited() -> None:
    """Free inside the policy; out of it nothing goes back, and into it the rest of the period is paid."""
    none = PlanTerms(proration=Proration.NONE)
    free, freer, shared = _version("a", 900, none), _version("b", 4900, none), _version("c", 4900, PlanTerms())
    at = START + timedelta(days=14)

    assert price_change(_on(free, 1), freer, {free.id: free}, at=at).total.amount_minor == 0
    assert price_change(_on(freer, 1), shared, {freer.id: freer}, at=at).total.amount_minor == 2450
    assert price_change(_on(shared, 1), free, {shared.id: shared}, at=at).total.amount_minor == 450 - 2450
