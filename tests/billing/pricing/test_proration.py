"""Shares of a period: exact, adding up, and fair to a customer who changes to and fro."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money, MoneyError
from billing.kernel.period import Period
from billing.pricing.proration import Proration, ProrationError, credit_and_debit, periods_in, share_of
from tests.billing.pricing.strategies import COUNTED, FEES, ZONES, moments_in, periods

JUNE = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
EUR_10, EUR_30 = Money(1000, "EUR"), Money(3000, "EUR")


@given(st.data(), periods(), ZONES, COUNTED)
def test_any_split_of_a_period_adds_up_to_the_whole(
    data: st.DataObject, whole: Period, zone: str, policy: Proration
) -> None:
    """Cutting anywhere, in any zone and by any way of counting, the exact shares sum to one."""
    cuts = sorted(set(data.draw(st.lists(moments_in(whole), max_size=6))) - {whole.start})
    pieces = [Period(start, end) for start, end in pairwise((whole.start, *cuts, whole.end))]

    shares = [share_of(piece, whole, zone=zone, policy=policy) for piece in pieces]
    assert sum(shares) == 1
    assert all(share >= 0 for share in shares)


@given(st.data(), periods(), st.tuples(FEES, FEES), ZONES, st.sampled_from([*Proration]))
def test_there_and_back_at_one_instant_nets_to_zero(
    data: st.DataObject, whole: Period, prices: tuple[Money, Money], zone: str, policy: Proration
) -> None:
    """An upgrade undone at once costs nothing; with a reset both are periods that start over, credited from the instant itself."""
    (old, new), at = prices, data.draw(moments_in(whole))
    there = credit_and_debit(old, new, whole, at, zone=zone, policy=policy)

    if policy is Proration.FULL_RESET:
        renewed = Period(at, at + timedelta(days=30))
        back = credit_and_debit(new, old, renewed, at, zone=zone, policy=policy)
        assert there.net + back.net == old + there.credit
    else:
        back = credit_and_debit(new, old, whole, at, zone=zone, policy=policy)
        assert there.net + back.net == Money.zero("EUR")


@given(st.data(), periods(), st.tuples(FEES, FEES), ZONES, COUNTED)
def test_a_change_never_credits_more_than_was_paid(
    data: st.DataObject, whole: Period, prices: tuple[Money, Money], zone: str, policy: Proration
) -> None:
    """Credit lies between minus the old price and zero, debit between zero and the new one."""
    old, new = prices
    change = credit_and_debit(old, new, whole, data.draw(moments_in(whole)), zone=zone, policy=policy)

    assert -old <= change.credit <= Money.zero("EUR") <= change.debit <= new


def test_a_change_at_the_start_swaps_the_prices_and_one_at_the_end_nothing() -> None:
    """The bounds of the period are half-open."""
    assert credit_and_debit(EUR_10, EUR_30, JUNE, JUNE.start) == (-EUR_10, EUR_30)
    assert credit_and_debit(EUR_10, EUR_30, JUNE, JUNE.end).net == Money.zero("EUR")


def test_the_net_is_the_sum_of_the_rounded_lines() -> None:
    """20 of 30 days of 50 and 100: 66.67 less 33.33 is 33.34, though the exact net would round to 33.33."""
    change = credit_and_debit(Money(5000, "EUR"), Money(10000, "EUR"), JUNE, datetime(2025, 6, 11, tzinfo=UTC))

    assert change.net.text == "33.34"


def test_the_policies_differ_where_a_day_has_23_hours() -> None:
    """New York in March: 16 of 31 days, and less than that share of the seconds before, since one hour was lost earlier."""
    zone = "America/New_York"
    march = Cadence(datetime(2025, 3, 1, 5, tzinfo=UTC), zone=zone).period(0)
    at = datetime(2025, 3, 16, 4, tzinfo=UTC)
    rest = Period(at, march.end)

    assert share_of(rest, march, zone=zone, policy=Proration.BY_DAY) == Fraction(16, 31)
    assert share_of(rest, march, zone=zone) == Fraction(384, 743)


def test_the_day_of_a_change_belongs_to_what_comes_after_it() -> None:
    """By day, the hour of the change plays no part; its date in the customer's zone does."""
    late = datetime(2025, 6, 15, 23, tzinfo=UTC)

    in_utc = share_of(Period(late, JUNE.end), JUNE, policy=Proration.BY_DAY)
    in_tokyo = share_of(Period(late, JUNE.end), JUNE, zone="Asia/Tokyo", policy=Proration.BY_DAY)
    assert (in_utc, in_tokyo) == (Fraction(16, 30), Fraction(15, 30))


def test_without_proration_a_change_costs_nothing_and_a_fee_is_whole() -> None:
    """NONE shares nothing: neither a credit, nor a part of a price."""
    at = datetime(2025, 6, 11, tzinfo=UTC)

    assert credit_and_debit(EUR_10, EUR_30, JUNE, at, policy=Proration.NONE) == (Money.zero("EUR"), Money.zero("EUR"))
    assert share_of(Period(at, JUNE.end), JUNE, policy=Proration.NONE) == 1


def test_a_reset_credits_the_unused_time_and_charges_the_new_price_whole() -> None:
    """The new period starts over, so nothing of its price is taken off."""
    change = credit_and_debit(EUR_10, EUR_30, JUNE, datetime(2025, 6, 16, tzinfo=UTC), policy=Proration.FULL_RESET)

    assert change == (Money(-500, "EUR"), EUR_30)


def test_a_period_within_one_day_is_not_shared_by_days() -> None:
    """Zero days have no parts; the error says so instead of dividing by zero."""
    hour = Period(JUNE.start, JUNE.start + timedelta(hours=1))

    with pytest.raises(ProrationError):
        share_of(hour, hour, policy=Proration.BY_DAY)


def test_two_currencies_have_no_net() -> None:
    """A plan in dollars is no change of a plan in euros."""
    change = credit_and_debit(EUR_10, Money(3000, "USD"), JUNE, JUNE.start)

    with pytest.raises(MoneyError):
        _ = change.net


@given(periods(), ZONES, st.integers(min_value=1, max_value=3))
def test_the_pieces_along_a_cadence_tile_the_span(span: Period, zone: str, count: int) -> None:
    """They follow each other from start to end, and inner pieces are whole periods."""
    pieces = periods_in(Cadence(datetime(2019, 12, 31, 9, tzinfo=UTC), Interval.MONTH, count, zone), span)

    assert pieces[0][0].start == span.start
    assert pieces[-1][0].end == span.end
    assert all(before[0].end == after[0].start for before, after in pairwise(pieces))
    assert all(share == 1 for _, _, share in pieces[1:-1])
