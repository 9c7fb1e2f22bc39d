"""Refunds by cumulative target never exceed what was paid, however it is cut, and surplus goes back first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.payments.payment import Payment, RefundError

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


def _payment(paid: int, surplus: int = 0) -> Payment:
    return Payment(
        id="pay",
        invoice_id="inv",
        reference="r",
        amount=Money(paid, "EUR"),
        received_at=NOW,
        surplus=Money(surplus, "EUR"),
        refunded=Money(0, "EUR"),
    )


@given(data=st.data(), paid=st.integers(1, 10**9), targets=st.lists(st.integers(-5, 10**9 + 5), max_size=12))
def test_refunds_never_exceed_what_was_paid_and_parts_add_up(
    data: st.DataObject, paid: int, targets: list[int]
) -> None:
    """Each target either brings the sum exactly there or is refused and changes nothing."""
    payment = _payment(paid, data.draw(st.integers(0, paid)))
    given_back = from_surplus = 0
    for target in targets:
        before = payment
        try:
            amount = payment.next_refund(Money(target, "EUR"))
        except RefundError:
            assert target > paid or target < payment.refunded.amount_minor or target <= 0
            continue
        if amount.amount_minor == 0:
            assert target == payment.refunded.amount_minor
            continue
        from_surplus += payment.refund_from_surplus(amount).amount_minor
        payment = payment.after_refund(amount)
        given_back += amount.amount_minor
        assert payment.refunded.amount_minor == given_back == target <= paid
        assert payment.refunded > before.refunded
        assert from_surplus == min(target, payment.surplus.amount_minor)


@given(paid=st.integers(1, 10**9), cuts=st.lists(st.integers(1, 10**9), max_size=8))
def test_one_refund_or_many_to_the_same_target_give_the_same(paid: int, cuts: list[int]) -> None:
    """The way there does not matter."""
    steps = sorted({min(cut, paid) for cut in cuts} | {paid})
    payment = _payment(paid)
    for step in steps:
        payment = payment.after_refund(payment.next_refund(Money(step, "EUR")))

    assert payment == _payment(paid).after_refund(Money(paid, "EUR"))


def test_another_currency_and_too_much_are_refused() -> None:
    """With a sentence that says what is possible."""
    with pytest.raises(RefundError, match="in EUR"):
        _payment(900).next_refund(Money(100, "USD"))
    with pytest.raises(RefundError, match=r"9\.00 EUR"):
        _payment(900).next_refund(Money(901, "EUR"))
    with pytest.raises(RefundError):
        _payment(900).after_refund(Money(901, "EUR"))
