"""Hypothesis strategies for what happens to lines on an invoice: items, coupons, tax treatments, spending limits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from billing.kernel.money import Money, Rounding
from billing.pricing.commitment import SpendLimits
from billing.pricing.discount import AmountOff, Coupon, Level, PercentOff, Stacking
from billing.pricing.item import Item, Scope
from billing.pricing.quote import PricedLine
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tax import TaxRate, TaxRounding, TaxTreatment
from billing.pricing.waterfall import Terms

if TYPE_CHECKING:
    from billing.kernel.period import Period

KEYS = ("api", "fee", "seats")
PLANS = ("basic", "plus")
RATES = (TaxRate("vat", Decimal(19)), TaxRate("city", Decimal("8.25")), TaxRate("zero", Decimal(0)))


def euros(minor: int) -> Money:
    """Money in cents of a euro."""
    return Money(minor, "EUR")


def item(
    key: str, exact: Fraction, *, plan: str | None = None, tax: TaxTreatment | None = None, period: Period | None = None
) -> Item:
    """An item whose line is one step of `exact` major units, rounded as every line is."""
    rated = Rated(currency="EUR", trace=(TraceStep(rule="fee", detail="a fee", amount=exact),))
    line = PricedLine(
        key=key,
        description=key,
        quantity=Decimal(1),
        unit_price=None,
        amount=rated.money(),
        period=period,
        trace=rated.trace,
    )
    return Item(line=line, plan=plan, tax=tax or TaxTreatment())


def cents(key: str, minor: int, tax: TaxTreatment | None = None) -> Item:
    """An item of so many cents."""
    return item(key, Fraction(minor, 100), tax=tax)


EXACTS = st.fractions(min_value=0, max_value=10**5, max_denominator=10**5)
SIGNED = st.fractions(min_value=-(10**4), max_value=10**5, max_denominator=10**5)
TREATMENTS = st.builds(
    TaxTreatment, st.lists(st.sampled_from(RATES), unique=True, max_size=3).map(tuple), st.booleans()
)
SCOPES = st.builds(Scope, st.frozensets(st.sampled_from(PLANS)), st.frozensets(st.sampled_from(KEYS)))
AMOUNTS_OFF = st.integers(min_value=1, max_value=10**7).map(lambda minor: AmountOff(euros(minor)))
PERCENTS_OFF = st.decimals(min_value=Decimal("0.01"), max_value=100, places=2).map(PercentOff)
COUPONS = st.builds(
    Coupon,
    key=st.sampled_from(["WELCOME", "SUMMER", "LOYAL"]),
    worth=st.one_of(AMOUNTS_OFF, PERCENTS_OFF),
    scope=SCOPES,
    level=st.sampled_from(Level),
)


def items(exacts: st.SearchStrategy[Fraction]) -> st.SearchStrategy[list[Item]]:
    """Up to six items of any plan, key and tax."""
    plans = st.one_of(st.none(), st.sampled_from(PLANS))
    return st.lists(st.builds(item, st.sampled_from(KEYS), exacts, plan=plans, tax=TREATMENTS), max_size=6)


@st.composite
def limits(draw: st.DrawFn) -> SpendLimits:
    """A minimum, a maximum, both or none, with something billed before."""
    low, high = sorted([draw(st.integers(0, 10**7)), draw(st.integers(0, 10**7))])
    return SpendLimits(
        key="committed",
        currency="EUR",
        minimum=draw(st.sampled_from([None, euros(low)])),
        maximum=draw(st.sampled_from([None, euros(high)])),
        share=draw(st.fractions(min_value=Fraction(1, 366), max_value=1, max_denominator=366)),
        already_billed=euros(draw(st.integers(0, 10**6))),
        scope=draw(SCOPES),
        tax=draw(TREATMENTS),
    )


TERMS = st.builds(
    Terms,
    coupons=st.lists(COUPONS, max_size=4).map(tuple),
    limits=st.lists(limits(), max_size=2).map(tuple),
    stacking=st.sampled_from(Stacking),
    tax_rounding=st.sampled_from(TaxRounding),
    rounding=st.sampled_from(Rounding),
    is_last_of_period=st.booleans(),
)
