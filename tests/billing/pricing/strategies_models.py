"""Hypothesis strategies for the charge models beyond flat, per unit and graduated."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from billing.pricing.dynamic import Dynamic, PriceUnit
from billing.pricing.graduated_percentage import GraduatedPercentage, RateTier
from billing.pricing.matrix import Cell, Matrix
from billing.pricing.package import Package, Round
from billing.pricing.percentage import Percentage
from billing.pricing.stairstep import Stairstep, Step
from billing.pricing.volume import Volume
from tests.billing.pricing.strategies import PRICES, tiers

if TYPE_CHECKING:
    from billing.pricing.charge import ChargeModel

RATES = st.decimals(min_value=0, max_value=100, places=4)
AMOUNTS = st.decimals(min_value=0, max_value=5000, places=2)
SIZES = st.decimals(min_value=1, max_value=1000, places=3)
WORDS = st.sampled_from(["eu", "us", "small", "large"])


@st.composite
def stairsteps(draw: st.DrawFn) -> Stairstep:
    """Steps whose prices never fall."""
    ladder = draw(tiers())
    prices = sorted(draw(st.lists(PRICES, min_size=len(ladder), max_size=len(ladder))))
    steps = tuple(Step(tier.up_to, price) for tier, price in zip(ladder, prices, strict=True))
    return Stairstep(steps, draw(st.booleans()))


@st.composite
def percentages(draw: st.DrawFn) -> Percentage:
    """Any rules for single events, the maximum not below the minimum."""
    limits = sorted(draw(st.lists(AMOUNTS, min_size=2, max_size=2)))
    return Percentage(
        rate_percent=draw(RATES),
        fixed_per_event=draw(AMOUNTS),
        free_events=draw(st.none() | st.integers(min_value=0, max_value=5)),
        free_amount=draw(st.none() | AMOUNTS),
        per_event_min=draw(st.none() | st.just(limits[0])),
        per_event_max=draw(st.none() | st.just(limits[1])),
    )


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """One to three dimensions and a few combinations with a price."""
    dimensions = ("region", "size", "kind")[: draw(st.integers(min_value=1, max_value=3))]
    values = draw(st.sets(st.tuples(*[WORDS for _ in dimensions]), min_size=1, max_size=5))
    return Matrix(dimensions, tuple(Cell(combination, draw(PRICES)) for combination in sorted(values)), draw(PRICES))


VOLUMES = st.builds(Volume, tiers(), st.booleans())
PACKAGES = st.builds(
    Package,
    SIZES,
    PRICES,
    st.just(Decimal(0)) | st.decimals(min_value=0, max_value=1000, places=3),
    st.sampled_from(Round),
)
RATE_TIERS = tiers().map(lambda ladder: tuple(RateTier(tier.up_to, tier.unit_price, tier.flat) for tier in ladder))
GRADUATED_PERCENTAGES = st.builds(GraduatedPercentage, RATE_TIERS, st.booleans())
DYNAMICS = st.builds(Dynamic, RATES, st.sampled_from(PriceUnit))
PLAIN_PERCENTAGES = st.builds(Percentage, rate_percent=RATES, free_amount=st.none() | AMOUNTS)

RISING: st.SearchStrategy[ChargeModel] = st.one_of(
    PACKAGES, stairsteps(), GRADUATED_PERCENTAGES, DYNAMICS, PLAIN_PERCENTAGES
)
FURTHER: st.SearchStrategy[ChargeModel] = st.one_of(RISING, VOLUMES, percentages(), matrices())
