"""Credits never take more of an invoice, a line or a tax than there is, however they are split."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoices.credit_notes.note import (
    CreditNote,
    CreditNoteError,
    CreditNoteStateError,
    Destination,
    Portion,
    Reason,
    credited_total,
    where_it_goes,
)
from billing.invoices.credit_notes.share import Asked, left_of, shared, take_amount, take_lines
from billing.invoices.invoice import Invoice, InvoiceLine, InvoiceStatus
from billing.kernel.money import Money
from billing.pricing.quote import money_document

AT = datetime(2026, 3, 1, tzinfo=UTC)
ZERO = Money.zero("EUR")


def euro(minor: int) -> Money:
    """Cents."""
    return Money(minor, "EUR")


def invoice(*lines: tuple[int, dict[str, int]]) -> Invoice:
    """An issued invoice of lines of a net amount and taxes by key, in cents."""
    return Invoice(
        id="inv_1",
        customer_id="cus_1",
        subscription_id=None,
        sequence=None,
        status=InvoiceStatus.ISSUED,
        currency="EUR",
        period=None,
        version_ids=(),
        closes_at=AT,
        created_at=AT,
        credit=ZERO,
        prepaid=ZERO,
        paid=ZERO,
        credited=ZERO,
        lines=tuple(
            replace(
                InvoiceLine.untaxed(
                    f"line:{place}",
                    "once",
                    euro(net),
                    version_id="",
                    document={
                        "taxes": [
                            {"key": key, "percent": "19", "amount": money_document(euro(tax))}
                            for key, tax in taxes.items()
                        ]
                    },
                ),
                tax=euro(sum(taxes.values())),
            )
            for place, (net, taxes) in enumerate(lines)
        ),
    )


def note(number: int, portions: list[Portion]) -> CreditNote:
    """A note of these portions that all went onto the account."""
    total = sum((portion.gross for portion in portions), ZERO)
    return CreditNote(
        id=f"cn_{number}",
        number=str(number),
        invoice_id="inv_1",
        customer_id="cus_1",
        currency="EUR",
        reason=Reason.OTHER,
        memo="",
        issued_at=AT,
        settling=where_it_goes(total, due=ZERO, refundable=ZERO, destination=Destination.BALANCE),
        portions=tuple(portions),
    )


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """One to five lines, some below zero, with up to two taxes each, above zero together."""
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        net = draw(st.integers(-3_000, 10_000))
        rates = draw(st.lists(st.integers(0, 25), max_size=2))
        lines.append((net, {f"rate{place}": net * rate // 100 for place, rate in enumerate(rates)}))
    found = invoice(*lines)
    if found.total.amount_minor <= 0:
        found = invoice(*lines, (1 - found.total.amount_minor + draw(st.integers(0, 500)), {}))
    return found


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=8), st.data())
def test_a_share_lies_between_nothing_and_its_part_and_shares_sum(left: list[int], data: st.DataObject) -> None:
    """Whatever the signs of the parts, as long as there is a whole to share."""
    whole = sum(left)
    if whole <= 0:
        with pytest.raises(CreditNoteError):
            shared(1, left)
        return
    amount = data.draw(st.integers(1, whole))
    parts = shared(amount, left)
    assert sum(parts) == amount
    assert all(min(0, part) <= share <= max(0, part) for share, part in zip(parts, left, strict=True))


@given(invoices(), st.lists(st.integers(1, 400), max_size=12))
def test_any_split_of_credits_adds_up_and_never_takes_more(found: Invoice, cuts: list[int]) -> None:
    """Credits of any sizes, then the rest: line by line and tax by tax nothing is taken twice and nothing is left."""
    notes: list[CreditNote] = []
    for each in cuts:
        left = found.total - credited_total(notes, "EUR")
        if left.amount_minor <= 0:
            break
        amount = min(euro(each), left)
        notes.append(note(len(notes), take_amount(left_of(found, notes), amount)))
        assert notes[-1].total == amount
        _never_more(found, notes)
    rest = found.total - credited_total(notes, "EUR")
    if rest.amount_minor:
        notes.append(note(len(notes), take_amount(left_of(found, notes), rest)))
    assert credited_total(notes, "EUR") == found.total
    assert all(each.net == ZERO and each.tax == ZERO for each in left_of(found, notes))


def _never_more(found: Invoice, notes: list[CreditNote]) -> None:
    for left, line in zip(left_of(found, notes), found.lines, strict=True):
        assert min(line.net, ZERO) <= left.net <= max(line.net, ZERO)
        for (_, rest), tax in zip(left.taxes, line.document["taxes"], strict=True):
            whole = Money.of(tax["amount"]["amount"], "EUR")
            assert min(whole, ZERO) <= rest <= max(whole, ZERO)


def test_half_of_a_line_takes_half_of_its_tax() -> None:
    """59.50 of 119.00 is 50.00 net and 9.50 tax."""
    found = invoice((10_000, {"vat": 1_900}), (5_000, {"vat": 950}))
    (portion,) = take_lines(left_of(found, []), [Asked(0, euro(5_950))])
    assert (portion.net, portion.taxes) == (euro(5_000), (("vat", euro(950)),))


def test_a_line_is_credited_at_most_by_what_is_left_of_it_and_of_the_whole() -> None:
    """Given-back time makes the whole smaller: 100 less 60 leaves 40 to credit, also line by line."""
    found = invoice((10_000, {}), (-6_000, {}))
    left = left_of(found, [])
    assert [each.net for each in take_amount(left, euro(4_000))] == [euro(10_000), euro(-6_000)]
    assert [each.net for each in take_amount(left, euro(2_000))] == [euro(5_000), euro(-3_000)]
    with pytest.raises(CreditNoteError, match=r"40.00 EUR of the invoice is left"):
        take_lines(left, [Asked(0)])
    with pytest.raises(CreditNoteError, match="of line 2 is left"):
        take_lines(left, [Asked(1)])
    with pytest.raises(CreditNoteError, match="no line 8"):
        take_lines(left, [Asked(7)])
    with pytest.raises(CreditNoteError, match="each line once"):
        take_lines(left, [Asked(0, euro(1)), Asked(0, euro(1))])


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 1000), st.sampled_from(Destination))
def test_a_credit_lowers_what_is_due_first_and_all_of_it_goes_somewhere(
    total: int, due: int, held: int, destination: Destination
) -> None:
    """Due, then payments if it is to go back, then the account."""
    settled = where_it_goes(euro(total), due=euro(due), refundable=euro(held), destination=destination)
    assert settled.applied + settled.to_balance + settled.to_refund == euro(total)
    assert settled.applied == euro(min(total, due))
    assert settled.to_refund <= (euro(held) if destination is Destination.REFUND else ZERO)
    assert min(settled.to_balance, settled.to_refund) >= ZERO


def test_no_more_comes_back_than_waits() -> None:
    """In parts, or onto the account instead, once."""
    found = invoice((1_000, {}))
    waiting = replace(
        note(1, take_amount(left_of(found, []), euro(1_000))),
        settling=where_it_goes(euro(1_000), due=ZERO, refundable=euro(600), destination=Destination.REFUND),
    )
    part = waiting.after_refund(euro(250))
    assert part.settling.waiting == euro(350)
    with pytest.raises(CreditNoteStateError):
        part.after_refund(euro(351))
    onto = part.to_balance_instead()
    assert (onto.settling.to_balance, onto.settling.to_refund) == (euro(750), euro(250))
    with pytest.raises(CreditNoteStateError):
        onto.to_balance_instead()
