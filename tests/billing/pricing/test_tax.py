"""Taxes: parts add up under every policy, inclusive and exclusive prices agree, credits are taxed like the charges they undo."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money, Rounding, round_minor
from billing.pricing.tax import (
    Taxable,
    TaxError,
    TaxRate,
    TaxRounding,
    TaxTreatment,
    round_together,
    tax_lines,
)
from tests.billing.pricing.invoice_strategies import RATES, TREATMENTS, euros

MINORS = st.integers(min_value=-(10**7), max_value=10**8)
PERCENTS = st.decimals(min_value=Decimal("0.01"), max_value=100, places=4)
TAXABLES = st.lists(st.builds(Taxable, MINORS.map(euros), TREATMENTS), max_size=8)
POLICIES = st.sampled_from(TaxRounding)


def _one(minor: int, percent: Decimal, *, inclusive: bool) -> list[Taxable]:
    return [Taxable(euros(minor), TaxTreatment((TaxRate("vat", percent),), inclusive))]


@given(TAXABLES, POLICIES, st.sampled_from(Rounding))
def test_net_and_tax_add_up_line_by_line_and_rate_by_rate(
    lines: list[Taxable], policy: TaxRounding, rounding: Rounding
) -> None:
    """An inclusive line's gross and an exclusive line's net are its amount, and the totals are the sums of the lines."""
    taxed = tax_lines(lines, "EUR", policy=policy, rounding=rounding)

    for line, given_ in zip(taxed.lines, lines, strict=True):
        assert (line.gross if given_.treatment.inclusive else line.net) == given_.amount
    assert sum((total.tax for total in taxed.totals), Money.zero("EUR")) == taxed.tax
    assert sum((line.gross for line in taxed.lines), Money.zero("EUR")) == taxed.net + taxed.tax


@given(TAXABLES, st.permutations(range(8)))
def test_the_tax_of_a_rate_does_not_depend_on_the_order_of_lines(lines: list[Taxable], order: list[int]) -> None:
    """Rounding once an invoice and rate, any order of lines gives the same tax; only which line bears an odd cent may move."""
    shuffled = [lines[place] for place in order if place < len(lines)]

    one, other = ({total.rate: total.tax for total in tax_lines(kept, "EUR").totals} for kept in (lines, shuffled))

    assert one == other


@given(TAXABLES)
def test_a_rate_is_rounded_once_on_its_exact_sum(lines: list[Taxable]) -> None:
    """The tax of each rate is half a cent from the exact one at most, however many lines there are."""
    for total in tax_lines(lines, "EUR").totals:
        exacts = [
            exact
            for line in lines
            for rate, exact in zip(line.treatment.rates, line.treatment.exact(line.amount), strict=True)
            if rate == total.rate
        ]
        assert total.tax.amount_minor == round_minor(sum(exacts, Fraction(0)))


@given(st.integers(min_value=-(10**9), max_value=10**9), PERCENTS)
def test_exclusive_then_inclusive_of_the_same_rate_agree_to_the_cent(net: int, percent: Decimal) -> None:
    """A net price with its tax, sold as a price that includes it, has the same net and the same tax."""
    exclusive = tax_lines(_one(net, percent, inclusive=False), "EUR")
    inclusive = tax_lines(_one(exclusive.lines[0].gross.amount_minor, percent, inclusive=True), "EUR")

    assert (inclusive.net, inclusive.tax) == (exclusive.net, exclusive.tax)


@given(st.lists(st.tuples(MINORS, st.sampled_from(RATES[:2])), max_size=6))
def test_charges_and_their_credits_are_taxed_to_nothing(sold: list[tuple[int, TaxRate]]) -> None:
    """What was sold and given back on one invoice leaves no net and no tax."""
    lines = [Taxable(euros(sign * minor), TaxTreatment((rate,))) for sign in (1, -1) for minor, rate in sold]

    taxed = tax_lines(lines, "EUR")

    assert taxed.net == taxed.tax == Money.zero("EUR")


@given(st.lists(st.fractions(max_denominator=10**6, min_value=-(10**6), max_value=10**6)), st.sampled_from(Rounding))
def test_parts_rounded_together_stay_within_one_of_their_own(exacts: list[Fraction], rounding: Rounding) -> None:
    """They sum to the rounded sum, and a whole exact part is never moved."""
    parts = round_together(exacts, rounding)

    assert sum(parts) == round_minor(sum(exacts, Fraction(0)), rounding)
    assert all(abs(part - exact) < 1 for part, exact in zip(parts, exacts, strict=True))


def test_the_three_policies_differ_where_half_cents_meet() -> None:
    """Three lines of 0.10 at 5 %: by line a cent each, by rate two cents; a second rate is rounded with it or apart."""
    vat, city = TaxRate("vat", Decimal(5)), TaxRate("city", Decimal(15))
    dimes = [Taxable(euros(10), TaxTreatment((vat,)))] * 3
    mixed = [Taxable(euros(10), TaxTreatment((vat, city)))]

    assert [tax_lines(dimes, "EUR", policy=policy).tax.amount_minor for policy in TaxRounding] == [2, 2, 3]
    assert [tax_lines(mixed, "EUR", policy=policy).tax.amount_minor for policy in TaxRounding] == [3, 2, 3]


def test_an_old_ledger_may_round_half_to_even() -> None:
    """Half a cent at 5 % of 0.10 is nothing there."""
    dime = _one(10, Decimal(5), inclusive=False)

    assert tax_lines(dime, "EUR", rounding=Rounding.HALF_EVEN).tax.amount_minor == 0
    assert tax_lines(dime, "EUR").tax.amount_minor == 1


def test_two_included_rates_are_both_of_the_net() -> None:
    """114.975 at GST 5 % and QST 9.975 %: the net is 100, each rate of it, none of the other."""
    rates = (TaxRate("gst", Decimal(5)), TaxRate("qst", Decimal("9.975")))
    taxed = tax_lines([Taxable(Money(11498, "CAD"), TaxTreatment(rates, inclusive=True))], "CAD")

    assert [total.tax.amount_minor for total in taxed.totals] == [500, 998]
    assert taxed.net.amount_minor == 10000


def test_what_cannot_be_taxed_is_refused() -> None:
    """Rates below zero, a rate twice on a line, one key with two rates, and lines in another currency."""
    vat, other = TaxRate("vat", Decimal(19)), TaxRate("vat", Decimal(7))
    with pytest.raises(TaxError):
        TaxRate("vat", Decimal(-1))
    with pytest.raises(TaxError):
        TaxTreatment((vat, vat))
    with pytest.raises(TaxError):
        tax_lines([Taxable(euros(1), TaxTreatment((rate,))) for rate in (vat, other)], "EUR")
    with pytest.raises(TaxError):
        tax_lines([Taxable(euros(1))], "USD")
