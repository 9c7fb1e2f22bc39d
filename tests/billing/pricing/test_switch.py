"""The lines of a plan change: credits of what was paid, debits of what is new, and nothing gained by going to and fro."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.charge import Charge, Timing
from billing.pricing.flat import Flat
from billing.pricing.proration import Proration, credit_and_debit
from billing.pricing.quote import priced, total
from billing.pricing.switch import switch_lines
from tests.billing.pricing.strategies import COUNTED, FEES, ZONES, moments_in, periods

if TYPE_CHECKING:
    from billing.pricing.quote import PricedLine

JUNE = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
FEE_LISTS = st.lists(FEES, max_size=3)
MID_JUNE = datetime(2025, 6, 16, tzinfo=UTC)


def _fee(name: str, amount: Money, period: Period = JUNE) -> PricedLine:
    model = Flat(amount.to_decimal())
    charge = Charge(key=name.lower(), name=name, model=model, meter=None, timing=Timing.ADVANCE)
    return priced(charge, Decimal(1), amount.currency, period=period)


@given(st.data(), periods(), st.tuples(FEE_LISTS, FEE_LISTS), ZONES, COUNTED)
def test_a_change_there_and_back_nets_to_zero(
    data: st.DataObject, whole: Period, fees: tuple[list[Money], list[Money]], zone: str, policy: Proration
) -> None:
    """Whatever the fees, at one instant the lines of both changes cancel."""
    at = data.draw(moments_in(whole))
    before, after = ([_fee("Fee", fee, whole) for fee in side] for side in fees)

    there = switch_lines(before, after, whole, at, zone=zone, policy=policy)
    back = switch_lines(after, before, whole, at, zone=zone, policy=policy)
    assert total([*there, *back], "EUR") == Money.zero("EUR")


@given(st.data(), periods(), st.tuples(FEES, FEES), ZONES, st.sampled_from([*Proration]))
def test_the_lines_are_the_money_of_the_change(
    data: st.DataObject, whole: Period, fees: tuple[Money, Money], zone: str, policy: Proration
) -> None:
    """The sum of the lines is the net of the two amounts, and each line is its own trace rounded."""
    (old, new), at = fees, data.draw(moments_in(whole))
    lines = switch_lines([_fee("Old", old, whole)], [_fee("New", new, whole)], whole, at, zone=zone, policy=policy)

    assert total(lines, "EUR") == credit_and_debit(old, new, whole, at, zone=zone, policy=policy).net
    for line in lines:
        assert line.amount == Money.round(sum((step.amount for step in line.trace), Fraction(0)), "EUR")


def test_each_line_says_what_it_is_for() -> None:
    """Half of June on either plan, credit first."""
    credit, debit = switch_lines(
        [_fee("Basic", Money(1000, "EUR"))], [_fee("Team", Money(3000, "EUR"))], JUNE, MID_JUNE
    )

    assert (credit.description, credit.amount.text) == ("Unused time on Basic", "-5.00")
    assert (debit.description, debit.amount.text) == ("Remaining time on Team", "15.00")
    assert credit.period == debit.period == Period(MID_JUNE, JUNE.end)
    assert [step.rule for step in debit.trace] == ["fee", "share"]


def test_without_proration_there_are_no_lines() -> None:
    """NONE leaves the invoice empty."""
    lines = switch_lines(
        [_fee("Basic", Money(1000, "EUR"))], [_fee("Team", Money(3000, "EUR"))], JUNE, MID_JUNE, policy=Proration.NONE
    )

    assert lines == ()


def test_after_a_reset_the_new_fee_is_whole_and_for_its_own_period() -> None:
    """The cycle starts over at the change."""
    renewed = Period(MID_JUNE, datetime(2025, 7, 16, tzinfo=UTC))
    new = _fee("Team", Money(3000, "EUR"), renewed)

    credit, debit = switch_lines(
        [_fee("Basic", Money(1000, "EUR"))], [new], JUNE, MID_JUNE, policy=Proration.FULL_RESET
    )

    assert credit.amount.text == "-5.00"
    assert debit == new
