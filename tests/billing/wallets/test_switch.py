"""Credits on a plan change: to and fro at one instant gains nothing, whatever was used."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.period import Period
from billing.pricing.proration import credit_and_debit
from billing.wallets.grant import GrantError
from billing.wallets.switch import switched
from tests.billing.wallets.strategies import DAY, START, eur

AMOUNTS = st.integers(0, 100_000).map(eur)
SHARES = st.fractions(0, 1)


@given(AMOUNTS, AMOUNTS, AMOUNTS, SHARES)
def test_up_and_down_at_one_instant_nets_to_zero(old: object, new: object, used: object, share: Fraction) -> None:
    """The standing afterwards is what it was, even where more was used than could be taken back."""
    there = switched(old, new, used, share)  # type: ignore[arg-type]
    back = switched(new, old, there.used, share)  # type: ignore[arg-type]

    assert there.change + back.change == eur(0)
    assert back.standing == old - used  # type: ignore[operator]
    assert back.used == used


@given(AMOUNTS, AMOUNTS, st.integers(0, 30))
def test_the_ratio_is_that_of_the_money(old: object, new: object, day: int) -> None:
    """The same share of the same amounts makes the same two lines."""
    whole = Period(START, START + 30 * DAY)
    share = Fraction(30 - day, 30)
    money = credit_and_debit(old, new, whole, START + day * DAY)  # type: ignore[arg-type]

    moved = switched(old, new, eur(0), share)  # type: ignore[arg-type]

    assert (-moved.taken_back, moved.given) == (money.credit, money.debit)


def test_what_was_used_up_is_owed_and_not_forgotten() -> None:
    """All 30 used, half the month left, down to 10: ten are owed, and up again at once nothing is gained."""
    down = switched(eur(3000), eur(1000), eur(3000), Fraction(1, 2))
    assert down.standing == eur(-1000)

    assert switched(eur(1000), eur(3000), down.used, Fraction(1, 2)).standing == eur(0)


def test_a_share_above_the_whole_is_refused() -> None:
    """No period has more than all of itself left."""
    with pytest.raises(GrantError):
        switched(eur(1), eur(1), eur(0), Fraction(3, 2))
