"""Generates offer contexts that keep the context's promises: targets are what may be bought and is not owned, cheapest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from billing.kernel.money import Money
from models.offers.context import LimitUse, OfferContext, PastDecision, Target

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FEATURES = ("early_access", "tastings")
LIMITS = ("deliveries", "seats")
PLACEMENTS = ("account", "checkout")
OUTCOMES = ("impression", "click", "dismiss", "accept")
PLANS = ("starter", "plus", "pro", "max")
ADDONS = ("box", "extra")


def plan(key: str, rank: int, amount: str, **gives: bool | int | None) -> Target:
    """A plan by its key, rank, monthly price and rights."""
    return Target(kind="plan", key=key, name=key.title(), rank=rank, gives=gives, recurring=Money.of(amount, "EUR"))


def addon(key: str, amount: str, **gives: bool | int | None) -> Target:
    """An add-on by its key, monthly price and rights."""
    return Target(kind="addon", key=key, name=key.title(), rank=0, gives=gives, recurring=Money.of(amount, "EUR"))


def cheapest_first(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Targets in the order that a context promises."""
    return tuple(sorted(targets, key=lambda target: (target.recurring.amount_minor, target.key)))


def context(**values: Any) -> OfferContext:
    """A subscriber of Starter at NOW whom nothing keeps from an offer; what is not said is empty."""
    plain: dict[str, Any] = {
        "customer": "ann",
        "placement": "account",
        "now": NOW,
        "is_held_out": False,
        "opted_out": False,
        "current": plan("starter", 0, "9.00", deliveries=3),
        "targets": (),
    }
    return OfferContext(**{**plain, **values})


def use(used: int, limit: int, feature: str = "deliveries") -> LimitUse:
    """The use of one limit."""
    return LimitUse(feature=feature, name=feature.title(), used=used, limit=limit)


def past(days_ago: float, *outcomes: str, **values: Any) -> PastDecision:
    """An offer of Plus some days before NOW at the account page that held for an hour, and what came of it."""
    decided_at = NOW - timedelta(days=days_ago)
    plain: dict[str, Any] = {
        "id": f"dec_{days_ago:09.3f}",
        "target": "plus",
        "placement": "account",
        "decided_at": decided_at,
        "expires_at": decided_at + timedelta(hours=1),
        "outcomes": frozenset(outcomes),
    }
    return PastDecision(**{**plain, **values})


@st.composite
def rights(draw: st.DrawFn) -> dict[str, bool | int | None]:
    """What a plan may give: yes or no for features, units or no limit for limits, and nothing at all."""
    switches = st.fixed_dictionaries({}, optional=dict.fromkeys(FEATURES, st.booleans()))
    limits = st.fixed_dictionaries({}, optional=dict.fromkeys(LIMITS, st.none() | st.integers(0, 40)))
    return {**draw(switches), **draw(limits)}


_PRICES = st.integers(100, 9900).map(lambda minor: Money(minor, "EUR"))


@st.composite
def plans(draw: st.DrawFn, rank: int) -> Target:
    """Any plan of a rank."""
    key = PLANS[rank]
    return Target(kind="plan", key=key, name=key.title(), rank=rank, gives=draw(rights()), recurring=draw(_PRICES))


@st.composite
def targets_above(draw: st.DrawFn, rank: int) -> tuple[Target, ...]:
    """Some of the plans above a rank and some add-ons, cheapest first."""
    higher = draw(st.sets(st.integers(rank + 1, len(PLANS) - 1))) if rank + 1 < len(PLANS) else set()
    extras = draw(st.sets(st.sampled_from(ADDONS)))
    found = [draw(plans(place)) for place in sorted(higher)]
    found += [
        Target(kind="addon", key=key, name=key.title(), rank=0, gives=draw(rights()), recurring=draw(_PRICES))
        for key in sorted(extras)
    ]
    return cheapest_first(tuple(found))


@st.composite
def past_decisions(draw: st.DrawFn, number: int) -> PastDecision:
    """An earlier decision up to 90 days ago, some on the very edge of a cool-down, open or not, with any outcomes."""
    days = draw(st.sampled_from((0, 3, 7, 21, 60)) | st.integers(0, 90))
    decided_at = NOW - timedelta(days=days, microseconds=draw(st.integers(-1, 1)) if days else 0)
    held = draw(st.none() | st.sampled_from((timedelta(hours=1), timedelta(days=7))))
    return PastDecision(
        id=f"dec_{number}",
        target=draw(st.none() | st.sampled_from((*PLANS, *ADDONS))),
        placement=draw(st.sampled_from(PLACEMENTS)),
        decided_at=decided_at,
        expires_at=None if held is None else decided_at + held,
        outcomes=frozenset(draw(st.sets(st.sampled_from(OUTCOMES)))),
    )


@st.composite
def contexts(draw: st.DrawFn) -> OfferContext:
    """Any customer at NOW: with or without a subscription, near limits, refused features, and a past."""
    rank = draw(st.integers(0, len(PLANS) - 1))
    current = draw(st.none() | plans(rank))
    limited = (
        {name: value for name, value in current.gives.items() if name in LIMITS and isinstance(value, int)}
        if current
        else {}
    )
    chances = st.none() | st.floats(0, 1)
    return OfferContext(
        customer="ann",
        placement=draw(st.sampled_from(PLACEMENTS)),
        now=NOW,
        is_held_out=draw(st.booleans()),
        opted_out=draw(st.booleans()),
        current=current,
        targets=draw(targets_above(rank)) if current else (),
        limits=tuple(
            LimitUse(feature=name, name=name.title(), used=draw(st.integers(0, 60)), limit=limit)
            for name, limit in sorted(limited.items())
        ),
        denials=draw(st.dictionaries(st.sampled_from((*FEATURES, *LIMITS)), st.integers(1, 9))),
        propensity=draw(chances),
        churn_risk=draw(chances),
        past=tuple(draw(past_decisions(number)) for number in range(draw(st.integers(0, 4)))),
    )
