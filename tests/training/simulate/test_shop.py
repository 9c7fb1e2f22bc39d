"""The simulated shop obeys its own truth: what it promises in chances is found again in counts, within their error."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.errors import InvalidError
from training.simulate.behaviour import VISITS_FADE
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.population import ARCHETYPES
from training.simulate.shop import METERS, SimulatedShop, simulate
from training.simulate.spec import ADDON, DAY_US, MONTH_US, PLANS, ShopSpec, ShopSpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ERRORS = 4  # standard errors that a count may lie from its truth: one seed in sixteen thousand by chance


@pytest.fixture(scope="module")
def shop() -> SimulatedShop:
    """Six thousand members over a year: enough for chances to show."""
    return simulate(ShopSpec(customers=6000, seed=11))


def _seen_months(shop: SimulatedShop) -> NDArray[np.float64]:
    until_us = shop.truth.until_us(shop.spec.end_us)
    months: NDArray[np.float64] = np.maximum(until_us - shop.truth.joined_us, 0) / MONTH_US
    return months


@pytest.mark.parametrize("segment", range(len(ARCHETYPES)), ids=[each.key for each in ARCHETYPES])
def test_each_segment_leaves_at_its_hazard(shop: SimulatedShop, segment: int) -> None:
    """Cancellations over months of exposure give the archetype's hazard; the count is Poisson around the sum of hazard x exposure."""
    mine = shop.truth.archetype == segment
    is_plan = shop.subscriptions.plan < len(PLANS)
    cancelled = is_plan & (shop.subscriptions.kind == EVENT_KINDS.index("cancelled"))
    counts = np.bincount(shop.subscriptions.customer[cancelled], minlength=len(shop.customers))[mine].sum()
    exposure = _seen_months(shop)[mine]

    expected = (shop.truth.monthly_hazard[mine] * exposure).sum()

    assert abs(counts - expected) < ERRORS * np.sqrt(expected)
    assert counts / exposure.sum() == pytest.approx(ARCHETYPES[segment].monthly_hazard, rel=0.15)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_treated_minus_control_is_the_mean_true_uplift(seed: int) -> None:
    """The log of past offers is a fair experiment: its difference in upgrades estimates the truth without bias."""
    shop = simulate(ShopSpec(customers=5000, seed=seed))
    offers = shop.offers
    treated, control = (offers.upgraded_within_30d[offers.treated == arm] for arm in (True, False))
    difference = treated.mean() - control.mean()
    error = np.sqrt(treated.var() / treated.size + control.var() / control.size)

    truth = shop.truth.uplift[offers.customer].mean()

    assert abs(difference - truth) < ERRORS * error
    assert difference > ERRORS * error


def test_offers_help_explorers_and_not_samplers(shop: SimulatedShop) -> None:
    """The uplift differs by segment, as it must for learning whom to ask to be worth anything."""
    kind = shop.truth.archetype[shop.offers.customer]

    def difference(segment: str) -> float:
        mine = kind == next(place for place, each in enumerate(ARCHETYPES) if each.key == segment)
        upgraded, treated = shop.offers.upgraded_within_30d[mine], shop.offers.treated[mine]
        return float(upgraded[treated].mean() - upgraded[~treated].mean())

    assert difference("explorer") > difference("sampler") + 0.1


def test_treatment_is_a_fair_coin(shop: SimulatedShop) -> None:
    """Half are treated, in every segment."""
    for segment in range(len(ARCHETYPES)):
        treated = shop.offers.treated[shop.truth.archetype[shop.offers.customer] == segment]
        assert abs(treated.mean() - 0.5) < ERRORS * 0.5 / np.sqrt(treated.size)


def test_the_logged_outcome_is_what_the_subscription_events_say(shop: SimulatedShop) -> None:
    """An upgrade within thirty days is one that can be found: rank after above rank at the offer."""
    events, offers = shop.subscriptions, shop.offers
    plans = events.plan < len(PLANS)
    held: dict[int, list[tuple[int, int]]] = {}
    for customer, at_us, rank in zip(events.customer[plans], events.at_us[plans], events.plan[plans], strict=True):
        held.setdefault(int(customer), []).append((int(at_us), int(rank)))

    def upgraded(customer: int, at_us: int) -> bool:
        rank = next(rank for when, rank in reversed(held[customer]) if when <= at_us)
        return any(at_us < when < at_us + MONTH_US and other > rank for when, other in held[customer])

    found = [upgraded(int(customer), int(at_us)) for customer, at_us in zip(offers.customer, offers.at_us, strict=True)]

    assert found == offers.upgraded_within_30d.tolist()
    assert offers.at_us.max() + MONTH_US <= shop.spec.end_us


def test_usage_presses_members_upwards(shop: SimulatedShop) -> None:
    """Without an offer, members who used all that is included rise more often than members who used little."""
    offers = shop.offers
    control = ~offers.treated
    deliveries = shop.usage.meter == METERS.index("deliveries")
    place = shop.usage.customer[deliveries] * 10_000_000_000_000 + shop.usage.at_us[deliveries] // 1_000_000
    place.sort()
    keys = offers.customer * 10_000_000_000_000 + offers.at_us // 1_000_000
    used = np.searchsorted(place, keys) - np.searchsorted(place, keys - MONTH_US // 1_000_000)

    much, little = (offers.upgraded_within_30d[control & chosen].mean() for chosen in (used >= 4, used <= 1))

    assert much > little


def test_complements_are_bought_together_more_than_by_chance(shop: SimulatedShop) -> None:
    """Every true pair has a lift above one, and in most of them several times that."""
    baskets = len(np.unique(shop.purchases.basket))
    lifts = []
    for anchor, companion in zip(shop.pairs.anchor, shop.pairs.companion, strict=True):
        with_anchor = shop.purchases.basket[shop.purchases.item == anchor]
        with_companion = shop.purchases.basket[shop.purchases.item == companion]
        both = len(np.intersect1d(with_anchor, with_companion))
        lifts.append(both * baskets / (len(with_anchor) * len(with_companion)))

    assert min(lifts) > 1
    assert np.median(lifts) > 3


def test_members_buy_what_their_taste_says(shop: SimulatedShop) -> None:
    """Shares of categories in what members buy follow their true tastes, companions aside."""
    lines = shop.purchases
    alone = ~np.isin(lines.item, shop.pairs.companion)
    counts = np.zeros_like(shop.truth.taste)
    np.add.at(counts, (lines.customer[alone], shop.products.category[lines.item[alone]]), 1)
    many = counts.sum(axis=1) >= 20

    shares = counts[many] / counts[many].sum(axis=1, keepdims=True)

    for category in range(shares.shape[1]):
        assert np.corrcoef(shares[:, category], shop.truth.taste[many, category])[0, 1] > 0.7


def test_who_cares_for_prices_buys_cheaper(shop: SimulatedShop) -> None:
    """Within a category, the price-sensitive half pays less a piece."""
    care = shop.truth.price_sensitivity[shop.purchases.customer] > np.median(shop.truth.price_sensitivity)
    for category in range(4):
        mine = shop.products.category[shop.purchases.item] == category
        price = shop.purchases.unit_price_minor
        assert price[mine & care].mean() < price[mine & ~care].mean()


def test_visits_fall_before_a_member_leaves(shop: SimulatedShop) -> None:
    """The last fortnight has less than half of the visits of a fortnight two months earlier, and no one is seen after leaving."""
    gone = (shop.truth.leaves_us < shop.spec.end_us) & (_seen_months(shop) > 4)
    visits = shop.usage.meter == METERS.index("visits")
    who, at_us = shop.usage.customer[visits], shop.usage.at_us[visits]
    days_before = (shop.truth.leaves_us[who] - at_us) / DAY_US

    late = (gone[who] & (days_before < 14)).sum()
    early = (gone[who] & (days_before >= VISITS_FADE.days + 14) & (days_before < VISITS_FADE.days + 28)).sum()

    assert late < early / 2
    assert (days_before > 0).all()


def test_a_thousand_members_and_a_year_take_seconds() -> None:
    """The demonstration waits for it."""
    started = time.perf_counter()

    simulate(ShopSpec(customers=1000))

    assert time.perf_counter() - started < 5


_specs = st.builds(
    ShopSpec,
    customers=st.integers(1, 40),
    days=st.integers(1, 150),
    seed=st.integers(0, 2**32),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    n_products=st.integers(20, 60),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (bounds are naive by hypothesis' own rule)
)


@settings(max_examples=40)
@given(_specs)
def test_any_shop_is_a_possible_one(spec: ShopSpec) -> None:
    """Of every size: whole positive amounts, all within a member's stay and after the product came, nobody changes what they left."""
    shop = simulate(spec)
    lines, events = shop.purchases, shop.subscriptions
    joined, until = shop.truth.joined_us, shop.truth.until_us(spec.end_us)

    for who, at_us in ((lines.customer, lines.at_us), (shop.usage.customer, shop.usage.at_us)):
        assert (np.diff(at_us) >= 0).all()
        assert ((at_us >= joined[who]) & (at_us < until[who])).all()
    assert lines.amount_minor.dtype == np.int64
    assert (lines.amount_minor > 0).all()
    assert (shop.products.cost_minor <= shop.products.price_minor).all()
    assert (shop.products.added_us[lines.item] <= lines.at_us).all()
    pairs = np.stack([lines.basket, lines.item])
    assert np.unique(pairs, axis=1).shape == pairs.shape
    assert len(set(shop.products.key)) == len(set(shop.products.name)) == spec.n_products
    assert not np.isin(shop.pairs.companion, shop.pairs.anchor).any()
    for customer in range(spec.customers):
        mine = events.customer == customer
        kinds = [EVENT_KINDS[kind] for kind in events.kind[mine & (events.plan < len(PLANS))]]
        assert kinds[0] == "started"
        assert set(kinds[1:-1]) <= {"changed"}
        boxes = [EVENT_KINDS[kind] for kind in events.kind[mine & (events.plan == EVENT_PLANS.index(ADDON))]]
        assert boxes in ([], ["started"], ["started", "cancelled"])


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"days": 0}, {"seed": -1}, {"n_products": 3}])
def test_a_shop_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    """The error names what a shop needs."""
    with pytest.raises(ShopSpecError, match="at least"):
        ShopSpec(**wrong)  # type: ignore[arg-type] # each case is a field and a whole number
    with pytest.raises(InvalidError, match="not a currency"):
        ShopSpec(currency="EURO")
