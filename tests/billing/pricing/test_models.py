"""The three charge models: exact, monotone, and explained by steps that add up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Rounding
from billing.pricing.charge import ChargeModel, Usage
from billing.pricing.flat import Flat
from billing.pricing.graduated import Graduated
from billing.pricing.per_unit import PerUnit
from billing.pricing.rated import Rated, TraceStep, price_text
from billing.pricing.tiers import Tier
from tests.billing.pricing.strategies import MODELS, PRICES, QUANTITIES, tiers

TIERS = (
    Tier(Decimal(10), Decimal(10), Decimal(2)),
    Tier(Decimal(20), Decimal(5), Decimal(3)),
    Tier(None, Decimal(5), Decimal(3)),
)


@given(MODELS, QUANTITIES, QUANTITIES)
def test_more_usage_never_costs_less(model: ChargeModel, first: Decimal, second: Decimal) -> None:
    """Cost is monotone in the quantity."""
    less, more = sorted((first, second))

    assert model.rate(less, "EUR").exact <= model.rate(more, "EUR").exact


@given(MODELS, QUANTITIES)
def test_negative_usage_costs_what_zero_does(model: ChargeModel, quantity: Decimal) -> None:
    """Below zero nothing is given back."""
    assert model.rate(-quantity, "EUR").exact == model.rate(Decimal(0), "EUR").exact


@given(MODELS, QUANTITIES)
def test_an_amount_is_rounded_once_from_its_exact_value(model: ChargeModel, quantity: Decimal) -> None:
    """The money is within half a minor unit of the exact amount."""
    rated = model.rate(quantity, "EUR")

    assert abs(Fraction(rated.money().to_decimal()) - rated.exact) <= Fraction(1, 200)


@given(MODELS, QUANTITIES)
def test_a_model_of_quantities_ignores_the_events_values(model: ChargeModel, quantity: Decimal) -> None:
    """Rating usage and rating its quantity are the same."""
    assert model.rate_usage(Usage(quantity, (Decimal(1),)), "EUR") == model.rate(quantity, "EUR")


@given(PRICES, QUANTITIES, QUANTITIES)
def test_unit_prices_add_up_over_any_split_of_the_usage(price: Decimal, first: Decimal, second: Decimal) -> None:
    """Rating two halves and adding equals rating the whole, before rounding."""
    model = PerUnit(price)

    assert model.rate(first + second, "EUR").exact == model.rate(first, "EUR").exact + model.rate(second, "EUR").exact


@given(PRICES, PRICES, QUANTITIES)
def test_a_cap_is_never_passed(price: Decimal, cap: Decimal, quantity: Decimal) -> None:
    """The amount is the smaller of the uncapped one and the cap."""
    uncapped = PerUnit(price).rate(quantity, "EUR").exact

    assert PerUnit(price, cap).rate(quantity, "EUR").exact == min(uncapped, Fraction(cap))


@given(tiers(), QUANTITIES)
def test_the_units_of_all_tiers_are_the_units_used(ladder: tuple[Tier, ...], quantity: Decimal) -> None:
    """Every unit falls into exactly one tier."""
    steps = Graduated(ladder).rate(quantity, "EUR").trace

    assert sum((step.quantity or Fraction(0) for step in steps), Fraction(0)) == Fraction(quantity)


@given(PRICES, st.sets(st.integers(min_value=1, max_value=1000), max_size=4), QUANTITIES)
def test_equal_tiers_cost_what_one_unit_price_does(price: Decimal, bounds: set[int], quantity: Decimal) -> None:
    """Bounds between equal prices change nothing."""
    ladder = (*(Tier(Decimal(bound), price) for bound in sorted(bounds)), Tier(None, price))

    assert Graduated(ladder).rate(quantity, "EUR").exact == PerUnit(price).rate(quantity, "EUR").exact


def test_an_upper_bound_belongs_to_its_tier() -> None:
    """Ten units stay in the first tier; the eleventh enters the second and its flat amount."""
    model = Graduated(TIERS)

    assert model.rate(Decimal(10), "EUR").exact == 102
    assert model.rate(Decimal(11), "EUR").exact == 110
    assert model.rate(Decimal("10.5"), "EUR").exact == Fraction("107.5")


def test_the_flat_amount_at_zero_usage_is_a_choice() -> None:
    """Charged by default, and not where the price says so; from the first unit on both agree."""
    charged, spared = Graduated(TIERS), Graduated(TIERS, flat_at_zero=False)

    assert charged.rate(Decimal(0), "EUR").exact == 2
    assert spared.rate(Decimal(0), "EUR").exact == 0
    assert charged.rate(Decimal(1), "EUR").exact == spared.rate(Decimal(1), "EUR").exact == 12


def test_the_trace_says_which_tier_how_many_units_and_at_what_price() -> None:
    """The explanation of twelve units can be read without the price list."""
    documents = [step.to_document() for step in Graduated(TIERS).rate(Decimal(12), "EUR").trace]

    assert documents == [
        {
            "rule": "tier",
            "detail": "tier 1, above 0 up to 10 units",
            "amount": "100",
            "quantity": "10",
            "unit_price": "10",
        },
        {"rule": "tier_flat", "detail": "once for entering tier 1", "amount": "2"},
        {
            "rule": "tier",
            "detail": "tier 2, above 10 up to 20 units",
            "amount": "10",
            "quantity": "2",
            "unit_price": "5",
        },
        {"rule": "tier_flat", "detail": "once for entering tier 2", "amount": "3"},
    ]


def test_a_flat_fee_costs_the_same_whatever_was_used() -> None:
    """Quantity plays no part."""
    model = Flat(Decimal("29.90"))

    assert model.rate(Decimal(0), "EUR") == model.rate(Decimal(99), "EUR")


def test_rounding_follows_the_currency_and_the_policy() -> None:
    """Yen have no cents, dinars have three digits, and half-even is there for old ledgers."""
    half = TraceStep(rule="flat", detail="half a cent", amount=Fraction("0.125"))

    assert Rated(currency="JPY", trace=(half,)).money().text == "0"
    assert Rated(currency="KWD", trace=(half,)).money().text == "0.125"
    assert Rated(currency="EUR", trace=(half,)).money().text == "0.13"
    assert Rated(currency="EUR", trace=(half,)).money(Rounding.HALF_EVEN).text == "0.12"


def test_prices_of_any_length_stay_exact() -> None:
    """Thirty digits behind the point do not drift through a context of twenty-eight."""
    price = Decimal("0.000000000000000000000000000001")

    assert PerUnit(price).rate(Decimal("123456789.123456"), "USD").exact == Fraction(123456789123456, 10**36)


def test_a_unit_price_shows_all_its_digits() -> None:
    """Never cut to the currency's digits, never shorter than them."""
    assert [price_text(Decimal(text), "EUR") for text in ("1.5", "0.00002", "3", "0")] == [
        "1.50",
        "0.00002",
        "3.00",
        "0.00",
    ]
