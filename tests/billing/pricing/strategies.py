"""Hypothesis strategies for prices, tiers, quantities and periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.flat import Flat
from billing.pricing.graduated import Graduated
from billing.pricing.per_unit import PerUnit
from billing.pricing.proration import Proration
from billing.pricing.tiers import Tier

if TYPE_CHECKING:
    from billing.pricing.charge import ChargeModel

PRICES = st.decimals(min_value=0, max_value=10_000, places=12)
QUANTITIES = st.decimals(min_value=0, max_value=10**6, places=6)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Honolulu"])
FEES = st.integers(min_value=0, max_value=10**9).map(lambda minor: Money(minor, "EUR"))
COUNTED = st.sampled_from([Proration.BY_SECOND, Proration.BY_DAY, Proration.BY_THIRTIETH])
_START = datetime(2020, 1, 1, tzinfo=UTC)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """Valid tiers: ascending bounds, the last one open."""
    bounds = sorted(draw(st.sets(st.decimals(min_value=Decimal("0.001"), max_value=10**5, places=3), max_size=5)))
    return tuple(Tier(bound, draw(PRICES), draw(PRICES)) for bound in (*bounds, None))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """A period of three days to two years, at any second."""
    start = _START + timedelta(seconds=draw(st.integers(min_value=0, max_value=10 * 365 * 86_400)))
    return Period(start, start + timedelta(seconds=draw(st.integers(min_value=3 * 86_400, max_value=730 * 86_400))))


def moments_in(period: Period) -> st.SearchStrategy[datetime]:
    """Any second of a period."""
    seconds = int((period.end - period.start).total_seconds()) - 1
    return st.integers(min_value=0, max_value=seconds).map(lambda n: period.start + timedelta(seconds=n))


MODELS: st.SearchStrategy[ChargeModel] = st.one_of(
    st.builds(Flat, PRICES),
    st.builds(PerUnit, PRICES, st.none() | PRICES),
    st.builds(Graduated, tiers(), st.booleans()),
)
