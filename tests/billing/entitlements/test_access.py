"""The gate's answer and its reason come from one evaluation, so they never disagree; what it offers is never owned already."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.item import Feature, FeatureKind
from billing.catalog.plan import Granted, PlanKind, PlanVersion
from billing.entitlements.access import Access, Reason
from billing.entitlements.check import unlocks
from billing.entitlements.compiled import decide
from billing.entitlements.grant import Grant, Right, effective
from billing.kernel.errors import InvalidError
from tests.billing.entitlements.strategies import NOW, grant, grants, limits
from tests.shop import fee

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWING = {Reason.GRANTED, Reason.WITHIN_LIMIT, Reason.UNLIMITED}
LIMIT = Feature(key="deliveries", name="Deliveries", kind=FeatureKind.LIMIT, meter_key="deliveries")
SWITCH = Feature(key="deliveries", name="Deliveries", kind=FeatureKind.BOOLEAN)
ENDS = NOW + timedelta(days=28)

quantities = st.decimals(0, 2000, allow_nan=False, places=3)
any_grants = grants(limits) | grants(st.booleans())


def _decide(
    right: Right | None, used: Decimal = Decimal(0), asked: Decimal = Decimal(1), *, subscribed: bool = True
) -> Access:
    return decide(
        LIMIT,
        right,
        customer="ann",
        has_subscription=subscribed,
        used=used,
        quantity=asked,
        resets_at=ENDS,
        now=NOW,
    )


@given(any_grants, quantities, quantities, st.booleans())
def test_the_verdict_and_its_reason_agree(
    held: list[Grant],
    used: Decimal,
    asked: Decimal,
    subscribed: bool,  # noqa: FBT001 (Hypothesis passes by name)
) -> None:
    """Every fact in the answer follows from the same right, and together they explain the verdict."""
    right = effective(held, NOW)

    found = _decide(right, used, asked, subscribed=subscribed)

    assert found.allowed == (found.reason in ALLOWING)
    assert (found.customer, found.feature, found.as_of) == ("ann", "deliveries", NOW)
    if found.limit is not None:
        assert found.used == used
        assert found.remaining == max(found.limit - used, 0)
        assert found.allowed == (used + asked <= found.limit)
        assert found.reason in {Reason.WITHIN_LIMIT, Reason.LIMIT_REACHED}
        assert found.resets_at == ENDS
    elif found.used is not None:
        assert found.reason is Reason.UNLIMITED
        assert found.resets_at == ENDS
    elif found.allowed:
        assert (found.reason, found.value) == (Reason.GRANTED, True)
    else:
        assert found.reason is (Reason.NOT_IN_PLAN if subscribed else Reason.NO_SUBSCRIPTION)


@given(st.integers(0, 1000), quantities, quantities)
def test_asking_for_less_is_never_refused_more(limit: int, used: Decimal, asked: Decimal) -> None:
    """What is allowed stays allowed for a smaller quantity, and exactly what remains may be used."""
    right = Right(limit, ())

    if _decide(right, used, asked).allowed:
        assert _decide(right, used, asked / 2).allowed
    remaining = _decide(right, used, asked).remaining
    assert remaining is not None
    assert _decide(right, used, remaining).allowed == (used <= limit)
    assert not _decide(right, used, remaining + Decimal("0.001")).allowed


def test_a_negative_quantity_is_refused() -> None:
    """It would give back what was used."""
    with pytest.raises(InvalidError):
        _decide(Right(3, ()), asked=Decimal(-1))


def _version(
    key: str,
    price: str,
    value: bool | int | None,  # noqa: FBT001 (a right's value)
    *,
    kind: PlanKind = PlanKind.PLAN,
    requires: Sequence[str] = (),
) -> PlanVersion:
    return PlanVersion(
        id=f"pv_{key}",
        plan_key=key,
        plan_name=key.title(),
        kind=kind,
        rank=0,
        number=1,
        currency="EUR",
        interval="month",
        interval_count=1,
        charges=(fee("Fee", price),),
        grants=(Granted("deliveries", value), Granted("other", value=True)),
        requires=tuple(requires),
        published_at=NOW,
    )


@st.composite
def catalogues(draw: st.DrawFn) -> list[PlanVersion]:
    """Some plans and add-ons with a limit each, at prices that sometimes tie."""
    return [
        _version(
            key,
            str(draw(st.integers(0, 3))),
            draw(limits),
            kind=PlanKind.ADDON if key in {"box", "bag"} else PlanKind.PLAN,
            requires=["plus"] if key == "bag" else [],
        )
        for key in ("starter", "plus", "pro", "box", "bag")
    ]


@given(grants(limits), catalogues())
def test_what_unlocks_is_new_and_gives_more(held: list[Grant], plans: list[PlanVersion]) -> None:
    """Never what the customer has, never what gives nothing or no more than they have, and cheapest first."""
    current = [each for each in held if each.in_force(NOW)]
    right = effective(current, NOW)
    owned = {each.source_key for each in current}

    found = unlocks(LIMIT, right, current, plans)

    by_key = {version.plan_key: version for version in plans}
    assert not owned & {unlock.key for unlock in found}
    assert [unlock.price for unlock in found] == sorted(unlock.price for unlock in found)
    for unlock in found:
        value = by_key[unlock.key].grants[0].value
        has = 0 if right is None else right.value
        assert value is None or value > 0
        assert has is not None
        assert unlock.kind == "addon" or value is None or value > has
        assert set(by_key[unlock.key].requires) <= owned


@given(grants(limits), st.lists(st.builds(_version, st.sampled_from("abc"), st.just("1"), limits), max_size=3))
def test_nothing_unlocks_what_has_no_limit(held: list[Grant], plans: list[PlanVersion]) -> None:
    """Nobody is sold more than everything."""
    assert [unlock for unlock in unlocks(LIMIT, Right(None, ()), held, plans) if unlock.key in "abc"] == []


def test_a_feature_is_unlocked_by_what_switches_it_on() -> None:
    """A plan that lists it as off does not."""
    plans = [_version("on", "5", value=True), _version("off", "1", value=False)]

    assert [unlock.key for unlock in unlocks(SWITCH, None, [], plans)] == ["on"]
    assert [unlock.key for unlock in unlocks(SWITCH, Right(value=False, grants=()), [], plans)] == ["on"]
    assert unlocks(SWITCH, Right(value=True, grants=()), [], plans) == ()


def test_an_addon_needs_its_plan() -> None:
    """It is offered to those who have one of the plans it goes with."""
    box = _version("box", "2", 5, kind=PlanKind.ADDON, requires=["plus", "pro"])
    right = Right(3, (grant(3, source="plus"),))

    assert unlocks(LIMIT, None, [], [box]) == ()
    assert [unlock.key for unlock in unlocks(LIMIT, right, right.grants, [box])] == ["box"]
    assert unlocks(LIMIT, right, [grant(3, source="starter")], [box]) == ()
