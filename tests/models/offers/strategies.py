"""Generates offer contexts that keep the context's promises: targets are what may be bought and is not owned, cheapest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import product
from typing import Any

from hypothesis import strategies as st

from billing.kernel.money import Money
from features.offers.policy import Cap, Caps, OfferPolicy, QuietHours
from models.offers.context import (
    Learned,
    LimitUse,
    Negative,
    OfferContext,
    PastDecision,
    Shown,
    Signal,
    Target,
    Trial,
)

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FEATURES = ("early_access", "tastings")
LIMITS = ("deliveries", "seats")
PLACEMENTS = ("account", "checkout")
OUTCOMES = ("impression", "click", "dismiss", "accept")
PLANS = ("starter", "plus", "pro", "max")
ADDONS = ("box", "extra")
SURE = OfferPolicy(explore=0.0)
"""The usual policy without exploration: one certain answer."""
FREE = OfferPolicy(explore=0.0, caps=Caps(person=None, customer=None, offer=None), first_days=0)
"""No caps at all."""


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
        "policy": SURE,
    }
    return OfferContext(**{**plain, **values})


def bundle(key: str, amount: str, *parts: str, rank: int = 0) -> Target:
    """A bundle by its key, price and parts."""
    price = Money.of(amount, "EUR")
    return Target(kind="bundle", key=key, name=key.title(), rank=rank, gives={}, recurring=price, parts=parts)


def saving(key: str, amount: str, **granted: Any) -> Target:
    """A save-offer by its key, what is paid with it, and what is granted."""
    price = Money.of(amount, "EUR")
    return Target(kind="save", key=key, name=key.title(), rank=0, gives={}, recurring=price, saving=granted)


def signal(trigger: str, subject: str | None = None, strength: float = 0.5, **evidence: Any) -> Signal:
    """A signal of an hour ago."""
    return Signal(trigger=trigger, subject=subject, strength=strength, at=NOW - timedelta(hours=1), evidence=evidence)


def negative(kind: str, days_ago: float = 1, days: float | None = None) -> Negative:
    """Something that holds back since some days ago, for some days or until further notice."""
    since = NOW - timedelta(days=days_ago)
    return Negative(kind=kind, since=since, until=None if days is None else since + timedelta(days=days))


def trial(arm: str = "b", experiment: str = "wording", **treatment: Any) -> Trial:
    """An arm of an experiment with its treatment."""
    return Trial(experiment=experiment, arm=arm, is_control=arm == "a", treatment=treatment, propensity=0.5)


def shown(days_ago: float, target: str = "plus", **values: Any) -> Shown:
    """A confirmed showing some days before NOW at the account page."""
    plain: dict[str, Any] = {
        "decision": f"dec_s{days_ago:09.3f}",
        "target": target,
        "placement": "account",
        "member": None,
        "at": NOW - timedelta(days=days_ago),
        "confirmed": True,
    }
    return Shown(**{**plain, **values})


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


_SWITCHES: tuple[dict[str, bool], ...] = (
    {},
    {"early_access": True},
    {"tastings": True},
    dict.fromkeys(FEATURES, False),
)
_UNITS: tuple[dict[str, int | None], ...] = (
    {},
    {"deliveries": 3},
    {"deliveries": 30, "seats": 5},
    {"deliveries": None, "seats": 0},
)
RIGHTS: tuple[dict[str, bool | int | None], ...] = tuple({**on, **units} for on, units in product(_SWITCHES, _UNITS))
"""What a plan may give: yes or no for features, units, none or no limit for limits, and nothing at all."""
PRICES = tuple(Money(minor, "EUR") for minor in (500, 900, 1500, 900, 100))
"""Of the lowest plan and of add-ons; higher plans cost twice as much from step to step, but for the last, a bargain."""
SIGNALS = (
    signal("limit_share", "deliveries", 0.8, threshold=80),
    signal("limit_share", "seats", 0.95, threshold=95),
    signal("denied_access", "tastings"),
    signal("intent", None, intent="pricing"),
    signal("intent", "early_access", 0.9),
    signal("engagement", None, 0.4, sign="rising"),
    signal("missing_function", "tastings", 0.7, word="tasting"),
    signal("missing_function", "box", 0.6),
    signal("life_cycle", "starter", moment="renewal_near"),
    signal("churn_risk", None, 0.6, risk=0.6),
    signal("cancel_started", None, 1.0),
)
NEGATIVES = (negative("payment_failed"), negative("ticket_open", 3, 2), negative("cancelling"), negative("storm"))
BUNDLES = (bundle("pair", "12.00", "mug", "beans", rank=2), bundle("trio", "20.00", "mug", "pot", "tea", rank=1))
SAVINGS = (saving("tenth_off", "8.10", coupon="tenth"), saving("pause", "9.00", pause_days=30))
DENIALS: tuple[dict[str, int], ...] = ({}, {"early_access": 1}, {"tastings": 4, "deliveries": 2}, {"seats": 1})
LEARNED = (
    Learned(),
    Learned(propensity=0.4, churn_risk=0.1),
    Learned(uplift=0.05, uplift_low=0.01, uplift_high=0.09, uplift_fresh=True, propensity=0.05),
    Learned(uplift=-0.2, uplift_low=-0.25, uplift_high=-0.15, uplift_fresh=True, propensity=0.9),
    Learned(propensity=0.2, churn_risk=0.7, tried={"limit_near:plus": (200, 20), "bundle:pair": (40, 0)}),
)
POLICIES = (
    SURE,
    FREE,
    replace(FREE, explore=0.5),
    OfferPolicy(explore=0.3, annoyance_minor=40),
    OfferPolicy(explore=1.0, killed=frozenset({"plus", "intent"}), quiet=QuietHours(start=time(7), end=time(12))),
    OfferPolicy(consent="offers", buyers=frozenset({"owner"}), caps=Caps(placement=Cap(most=1), tenant=Cap(most=5))),
)
TRIALS = (
    (),
    (trial("a"),),
    (trial("b", show=False),),
    (trial("b", only_rules=["limit_near", "bundle"]), trial("a", "another")),
    (trial("b", order="priority", message="Look at {target}!"),),
)


def plans(rank: int) -> st.SearchStrategy[Target]:
    """Any plan of a rank."""
    return _sold("plan", PLANS[rank], rank)


@st.composite
def targets_above(draw: st.DrawFn, rank: int) -> tuple[Target, ...]:
    """Some of the plans above a rank and some add-ons, bundles and save-offers, cheapest first."""
    higher = [plans(place) for place in range(rank + 1, len(PLANS))]
    extras = [_sold("addon", key, 0) for key in ADDONS]
    others = [st.just(each) for each in (*BUNDLES, *SAVINGS)]
    found = [draw(each) for each in (*higher, *extras, *others) if draw(st.booleans())]
    return cheapest_first(tuple(found))


@st.composite
def past_decisions(draw: st.DrawFn, number: int) -> PastDecision:
    """An earlier decision up to 90 days ago, some on the very edge of a cool-down, open or not, with any outcomes."""
    days, edge = draw(st.sampled_from((0, 1, 3, 7, 15, 21, 60, 90))), draw(st.integers(-1, 1))
    decided_at = NOW - timedelta(days=days, microseconds=edge if days else 0)
    held, target, placement = draw(_PROMISES)
    answered = draw(st.integers(0, 15))
    return PastDecision(
        id=f"dec_{number}",
        target=target,
        placement=placement,
        decided_at=decided_at,
        expires_at=None if held is None else decided_at + held,
        outcomes=frozenset(kind for place, kind in enumerate(OUTCOMES) if answered >> place & 1),
        rule=draw(st.sampled_from((None, "limit_near", "intent"))),
        member=draw(st.sampled_from((None, "kim"))),
        is_counterfactual=draw(st.booleans()),
    )


_PROMISES = st.sampled_from(
    tuple(product((None, timedelta(hours=1), timedelta(days=7)), (None, *PLANS, *ADDONS), PLACEMENTS))
)
_ASKED = st.sampled_from(tuple(product((None, "kim", "lee"), (None, "owner", "guest"), PLACEMENTS)))
_BARRED: tuple[dict[str, Any], ...] = (
    *[{}] * 6,
    {"is_held_out": True},
    {"is_held_out": True, "opted_out": True},
    {"opted_out": True},
    {"customer_since": NOW - timedelta(days=2)},
    {"consents": frozenset({"offers"}), "customer_since": NOW - timedelta(days=200)},
    *({"negatives": (each,)} for each in NEGATIVES),
)


def _sold(kind: str, key: str, rank: int) -> st.SearchStrategy[Target]:
    plain = Target(kind=kind, key=key, name=key.title(), rank=rank, gives={}, recurring=PRICES[0])
    dearer = [replace(price, amount_minor=price.amount_minor << rank) for price in PRICES[:-1]]
    found = [replace(plain, gives=gives, recurring=price) for gives, price in product(RIGHTS, [*dearer, PRICES[-1]])]
    return st.sampled_from(found)


@st.composite
def contexts(draw: st.DrawFn) -> OfferContext:
    """Any customer at NOW: with or without a subscription, near limits, refused features, signals, a past and a policy."""
    rank = draw(st.integers(0, len(PLANS) - 1))
    current = draw(plans(rank)) if draw(st.integers(0, 9)) else None
    given = current.gives if current else {}
    limited = {key: value for key, value in given.items() if key in LIMITS and type(value) is int}
    member, role, placement = draw(_ASKED)
    plain = OfferContext(
        customer="ann",
        member=member,
        role=role,
        placement=placement,
        now=NOW,
        is_held_out=False,
        opted_out=False,
        current=current,
        targets=draw(targets_above(rank)) if current else (),
        owned=draw(st.sampled_from((frozenset(), frozenset({"tea"}), frozenset({"mug", "starter"})))),
        limits=tuple(
            LimitUse(feature=name, name=name.title(), used=draw(st.integers(0, 60)), limit=limit)
            for name, limit in sorted(limited.items())
        ),
        denials=draw(st.sampled_from(DENIALS)),
        signals=tuple(draw(st.lists(st.sampled_from(SIGNALS), max_size=4, unique_by=id))),
        learned=draw(st.sampled_from(LEARNED)),
        past=tuple(draw(past_decisions(number)) for number in range(max(draw(st.integers(-2, 2)), 0))),
        policy=draw(st.sampled_from(POLICIES)),
        trials=draw(st.sampled_from(TRIALS)),
        draw_seed=draw(st.integers(0, 999)),
        currency="EUR",
    )
    return replace(plain, **draw(st.sampled_from(_BARRED)))


def willing(found: OfferContext) -> OfferContext:
    """The same customer with nothing in the way of an offer."""
    return replace(
        found,
        is_held_out=False,
        opted_out=False,
        past=(),
        negatives=(),
        trials=(),
        role=None,
        policy=FREE,
        customer_since=None,
    )
