"""The order of money on an invoice: the stages add up, nothing due is below zero, and paying never changes the tax."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money, MoneyError
from billing.pricing.commitment import SpendLimits
from billing.pricing.discount import AmountOff, Coupon, Level, PercentOff
from billing.pricing.item import Item, Scope
from billing.pricing.tax import TaxRate, TaxTreatment
from billing.pricing.waterfall import Terms, WaterfallError, settle
from tests.billing.pricing.invoice_strategies import SIGNED, TERMS, cents, euros, items

NOTHING = Money.zero("EUR")
FUNDS = st.integers(0, 10**8).map(euros)
VAT = TaxTreatment((TaxRate("vat", Decimal(20)),))


@given(items(SIGNED), TERMS, FUNDS, FUNDS)
def test_the_stages_add_up_to_what_is_due_and_that_is_never_below_zero(
    lines: list[Item], terms: Terms, notes: Money, prepaid: Money
) -> None:
    """Whatever the lines, coupons, limits, taxes and funds."""
    bill = settle(lines, "EUR", terms, credit_notes=notes, prepaid=prepaid)

    assert sum((step.amount for step in bill.trace()), Fraction(0)) == Fraction(bill.due.to_decimal())
    assert bill.due >= NOTHING
    assert bill.total == bill.due + bill.credit_notes + bill.prepaid - bill.carried
    assert NOTHING <= bill.credit_notes <= notes
    assert NOTHING <= bill.prepaid <= prepaid
    moved = (bill.line_discounts, bill.above_maximum, bill.true_up, bill.invoice_discounts, bill.carried)
    assert all(stage >= NOTHING for stage in moved)


@given(items(SIGNED), TERMS, FUNDS, FUNDS)
def test_paying_by_credit_does_not_shrink_the_tax(
    lines: list[Item], terms: Terms, notes: Money, prepaid: Money
) -> None:
    """The lines, discounts and taxes are the same with and without funds."""
    with_funds = settle(lines, "EUR", terms, credit_notes=notes, prepaid=prepaid)
    without = settle(lines, "EUR", terms)

    assert replace(with_funds, credit_notes=NOTHING, prepaid=NOTHING) == without
    assert with_funds.due == max(without.due - notes - prepaid, NOTHING)


@given(items(SIGNED), TERMS)
def test_the_lines_kept_are_the_subtotal(lines: list[Item], terms: Terms) -> None:
    """Every given line is there in its order, then the true-ups, and their nets are what is taxed."""
    bill = settle(lines, "EUR", terms)

    assert [item.line for item in bill.items[: len(lines)]] == [item.line for item in lines]
    assert len(bill.taxed.lines) == len(bill.items)
    for item, taxed in zip(bill.items, bill.taxed.lines, strict=True):
        assert item.net == (taxed.gross if item.tax.inclusive else taxed.net)


def test_every_stage_in_its_order() -> None:
    """100 + 50 of charges, a fifth off the API, a minimum of 150, ten off the invoice, 20 % tax, a credit note, prepaid credits."""
    terms = Terms(
        coupons=(
            Coupon(key="TEN", worth=AmountOff(euros(1000))),
            Coupon(
                key="API20",
                worth=PercentOff(Decimal(20)),
                level=Level.LINE,
                scope=Scope(charges=frozenset({"api"})),
            ),
        ),
        limits=(SpendLimits(key="minimum", currency="EUR", minimum=euros(15000), tax=VAT),),
    )

    bill = settle(
        [cents("api", 10000, VAT), cents("fee", 5000, VAT)],
        "EUR",
        terms,
        credit_notes=euros(3000),
        prepaid=euros(4000),
    )

    assert [(step.rule, int(step.amount)) for step in bill.trace()] == [
        ("charges", 150),
        ("line_discounts", -20),
        ("true_up", 20),
        ("invoice_discounts", -10),
        ("tax", 28),
        ("credit_notes", -30),
        ("prepaid", -40),
    ]
    assert bill.due == euros(9800)
    assert [taken.coupon.key for taken in bill.coupons] == ["API20", "TEN"]


def test_a_minimum_waits_for_the_last_invoice_of_a_period() -> None:
    """On an earlier invoice nobody knows yet what will be missing."""
    terms = Terms(limits=(SpendLimits(key="minimum", currency="EUR", minimum=euros(1000)),), is_last_of_period=False)

    assert settle([cents("api", 100)], "EUR", terms).due == euros(100)
    assert settle([cents("api", 100)], "EUR", replace(terms, is_last_of_period=True)).due == euros(1000)


def test_a_charge_s_true_up_counts_towards_the_plan_s_minimum() -> None:
    """The API is brought to 5.00, so the plan only lacks 5.00 of its 10.00."""
    api = SpendLimits(
        key="api_min", currency="EUR", minimum=euros(500), scope=Scope(charges=frozenset({"api"})), plan="plus"
    )
    plan = SpendLimits(key="plan_min", currency="EUR", minimum=euros(1000), scope=Scope(frozenset({"plus"})))

    bill = settle([replace(cents("api", 200), plan="plus")], "EUR", Terms(limits=(api, plan)))

    assert [item.net.amount_minor for item in bill.items] == [200, 300, 500]


def test_credits_beyond_the_charges_are_carried_and_nothing_is_due() -> None:
    """A downgrade larger than the new fee, with its tax, is owed to the customer; the wallet stays as it is."""
    bill = settle([cents("old", -3000, VAT), cents("new", 1000, VAT)], "EUR", Terms(), prepaid=euros(500))

    assert (bill.total, bill.carried, bill.due, bill.prepaid) == (euros(-2400), euros(2400), NOTHING, NOTHING)


def test_an_invoice_of_nothing_is_nothing() -> None:
    """No lines, no money."""
    bill = settle([], "EUR", Terms(coupons=(Coupon(key="TEN", worth=AmountOff(euros(1000))),)), prepaid=euros(5))

    assert bill.due == NOTHING
    assert bill.coupons[0].unused == euros(1000)


def test_funds_below_zero_or_in_another_currency_are_refused() -> None:
    """Neither can pay."""
    with pytest.raises(WaterfallError):
        settle([cents("fee", 100)], "EUR", Terms(), prepaid=euros(-1))
    with pytest.raises(MoneyError):
        settle([cents("fee", 100)], "EUR", Terms(), prepaid=Money(1, "USD"))
