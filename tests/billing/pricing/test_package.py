"""Packages: counted exactly, started ones whole, full ones only on request."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given

from billing.pricing.package import Package, Round
from tests.billing.pricing.strategies import PRICES, QUANTITIES
from tests.billing.pricing.strategies_models import PACKAGES, SIZES


@given(PACKAGES, QUANTITIES)
def test_packages_hold_all_the_units_and_no_package_is_empty(model: Package, quantity: Decimal) -> None:
    """Rounded up they reach the paid units, rounded down they do not pass them, and either way by less than a package."""
    paid = max(Fraction(quantity) - Fraction(model.free_units), Fraction(0))
    over = model.packages(quantity) * Fraction(model.package_size) - paid

    assert abs(over) < model.package_size
    assert (over >= 0) if model.round is Round.UP else (over <= 0)


@given(SIZES, PRICES, QUANTITIES)
def test_rounding_up_and_down_differ_by_at_most_one_package(size: Decimal, price: Decimal, quantity: Decimal) -> None:
    """The difference is the price of the package that is not full."""
    up, down = Package(size, price).rate(quantity, "EUR"), Package(size, price, round=Round.DOWN).rate(quantity, "EUR")

    assert up.exact - down.exact in {0, Fraction(price)}


def test_the_trace_shows_the_free_units_and_the_packages() -> None:
    """201 units, the first hundred free, are two packages of a hundred."""
    rated = Package(Decimal(100), Decimal(5), Decimal(100)).rate(Decimal(201), "USD")

    assert [step.to_document() for step in rated.trace] == [
        {"rule": "free_units", "detail": "the first 100 units are free", "amount": "0", "quantity": "100"},
        {
            "rule": "package",
            "detail": "packages of 100 units, a started one counts",
            "amount": "10",
            "quantity": "2",
            "unit_price": "5",
        },
    ]
