"""An invoice's money and states: whatever is paid, refunded and credited, the parts sum to the total and the state says what is open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoices.invoice import Invoice, InvoiceLine, InvoiceStateError, InvoiceStatus, OverpaidError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ZERO = Money.zero("EUR")


def _invoice(*amounts: int, status: InvoiceStatus = InvoiceStatus.DRAFT) -> Invoice:
    lines = tuple(
        InvoiceLine.untaxed(f"line:{place}", "recurring", Money(amount, "EUR"), version_id="pv_1", document={})
        for place, amount in enumerate(amounts)
    )
    return Invoice(
        id="inv_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        sequence=0,
        status=status,
        currency="EUR",
        period=None,
        version_ids=("pv_1",),
        closes_at=NOW,
        created_at=NOW,
        credit=ZERO,
        prepaid=ZERO,
        paid=ZERO,
        credited=ZERO,
        lines=lines,
    )


def _issued(*amounts: int) -> Invoice:
    return _invoice(*amounts).moved_to(InvoiceStatus.ISSUED, NOW, "INV-000001")


@given(
    st.integers(1, 10**6),
    st.lists(st.tuples(st.sampled_from(["pay", "refund", "credit"]), st.integers(-5, 10**6)), max_size=20),
)
def test_the_parts_always_sum_to_the_total(total: int, steps: Sequence[tuple[str, int]]) -> None:
    """Refused steps change nothing; after every other one, what paid and what is due make the total, and the state fits."""
    invoice = _issued(total)
    for what, minor in steps:
        amount = Money(minor, "EUR")
        step = {
            "pay": invoice.with_payment,
            "refund": invoice.with_refund,
            "credit": invoice.with_credit_note,
        }[what]
        try:
            invoice = step(amount, NOW)
        except (OverpaidError, InvoiceStateError):
            continue
        assert invoice.settled + invoice.amount_due == invoice.total
        assert ZERO <= invoice.paid <= invoice.total
        assert (invoice.status is InvoiceStatus.PAID) == (invoice.amount_due == ZERO)
        assert (invoice.paid_at is None) == (invoice.status is not InvoiceStatus.PAID)


def test_a_payment_in_parts_is_told_from_a_whole_one() -> None:
    """10.00: 4.00 leaves it partly paid with 6.00 due; 6.00 more pays it; 1.00 more is refused."""
    part = _issued(600, 400).with_payment(Money(400, "EUR"), NOW)
    assert (part.status, part.amount_due.text) == (InvoiceStatus.PARTLY_PAID, "6.00")

    whole = part.with_payment(Money(600, "EUR"), NOW)
    assert (whole.status, whole.paid_at) == (InvoiceStatus.PAID, NOW)
    with pytest.raises(InvoiceStateError):
        whole.with_payment(Money(100, "EUR"), NOW)


def test_a_given_up_invoice_may_still_be_paid() -> None:
    """Money that comes late mends what was written off; until it is all there, the invoice stays given up."""
    given_up = _issued(1000).moved_to(InvoiceStatus.UNCOLLECTIBLE, NOW)

    part = given_up.with_payment(Money(300, "EUR"), NOW)

    assert part.status is InvoiceStatus.UNCOLLECTIBLE
    assert part.with_payment(Money(700, "EUR"), NOW).status is InvoiceStatus.PAID


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (InvoiceStatus.PAID, InvoiceStatus.VOID),
        (InvoiceStatus.VOID, InvoiceStatus.ISSUED),
        (InvoiceStatus.ISSUED, InvoiceStatus.DRAFT),
        (InvoiceStatus.ISSUED, InvoiceStatus.FAILED),
        (InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID),
        (InvoiceStatus.DRAFT, InvoiceStatus.PAID),
    ],
)
def test_steps_that_the_table_does_not_have_are_refused(status: InvoiceStatus, refused: InvoiceStatus) -> None:
    """A paid invoice is not voided but credited; nothing leaves void; a final invoice is never a draft again."""
    with pytest.raises(InvoiceStateError, match="cannot become"):
        _invoice(1000, status=status).moved_to(refused, NOW)


def test_an_issued_invoice_keeps_its_number_and_date_when_a_payment_is_taken_back() -> None:
    """Paid, then refunded in full: it is issued again, as it was."""
    paid = _issued(1000).with_payment(Money(1000, "EUR"), NOW)

    again = paid.with_refund(Money(1000, "EUR"), NOW)

    assert (again.status, again.number, again.issued_at) == (InvoiceStatus.ISSUED, "INV-000001", NOW)
    assert again.amount_due.text == "10.00"
