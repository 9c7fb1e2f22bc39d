"""Every fault that a check is there for, planted in the rows of a shop that has lived, is found and named."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update

from billing.invoices.credit_notes.tables import CreditNoteLineRow, CreditNoteRow
from billing.invoices.deferred.tables import DeferredLineRow
from billing.invoices.tables import InvoiceLineRow, InvoiceRow, SeriesRow
from billing.ledger.tables import LedgerEntryRow, LedgerTransactionRow
from billing.metering.roll_up import roll_up_new
from billing.metering.tables import EventKeyRow, UsageRollupRow
from billing.payments.tables import PaymentRow, RefundRow
from billing.revenue import check
from billing.revenue.check.books import MOST, check_books
from billing.subscriptions.tables import SubscriptionEventRow, SubscriptionRow
from billing.wallets.tables import WalletGrantRow, WalletRow
from tests.billing.revenue.check.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.session import Unit
    from tests.shop import Shop

FAULTS: dict[str, tuple[Callable[[Unit], str], str]] = {}
"""By name: what plants a fault and answers the id it is about, and the code that must name it."""


def _plants(code: str) -> Callable[[Callable[[Unit], str]], Callable[[Unit], str]]:
    def keep(plant: Callable[[Unit], str]) -> Callable[[Unit], str]:
        FAULTS[plant.__name__.removeprefix("_")] = (plant, code)
        return plant

    return keep


def _change(unit: Unit, row: Any, where: Any, **values: Any) -> None:
    unit.session.execute(update(row).where(where).values(**values).execution_options(synchronize_session=False))


def _invoice(unit: Unit, *where: Any) -> InvoiceRow:
    """The oldest issued invoice over more than nothing that is not void, or the one that is asked for."""
    found = select(InvoiceRow).where(InvoiceRow.number.is_not(None), InvoiceRow.total_minor > 0, *where)
    return unit.session.scalars(found.order_by(InvoiceRow.number).limit(1)).one()


def _book(unit: Unit, key: str, customer: str | None, *entries: tuple[str, int]) -> str:
    """A transaction past every template."""
    head = {"key": key, "at": NOW, "description": "planted", "customer_id": customer}
    unit.session.execute(insert(LedgerTransactionRow), [head])
    if entries:
        _enter(unit, key, customer, *entries)
    return key


def _enter(unit: Unit, key: str, customer: str | None, *entries: tuple[str, int]) -> None:
    rows = [
        {
            "transaction_key": key,
            "position": 50 + place,
            "account": account,
            "amount_minor": minor,
            "currency": "EUR",
            "customer_id": customer,
        }
        for place, (account, minor) in enumerate(entries)
    ]
    unit.session.execute(insert(LedgerEntryRow), rows)


@_plants("posting_unbalanced")
def _a_cent_too_much(unit: Unit) -> str:
    key = f"invoice_issued:{_invoice(unit).id}"
    _enter(unit, key, None, ("revenue", 1))
    return key


@_plants("posting_empty")
def _nothing_booked(unit: Unit) -> str:
    return _book(unit, "credit_granted:empty", None)


@_plants("invoice_lines")
def _a_total_that_no_line_has(unit: Unit) -> str:
    found = _invoice(unit)
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, total_minor=found.total_minor + 1)
    return found.id


@_plants("invoice_lines")
def _a_line_that_changed(unit: Unit) -> str:
    found = _invoice(unit)
    where = (InvoiceLineRow.invoice_id == found.id) & (InvoiceLineRow.position == 0)
    _change(unit, InvoiceLineRow, where, net_minor=InvoiceLineRow.net_minor - 1, tax_minor=InvoiceLineRow.tax_minor + 1)
    return found.id


@_plants("invoice_posting")
def _another_posting(unit: Unit) -> str:
    found = _invoice(unit)
    key = f"invoice_issued:{found.id}"
    _enter(unit, key, found.customer_id, ("receivable", 5), ("revenue", -5))
    return found.id


@_plants("invoice_missing")
def _a_posting_of_no_invoice(unit: Unit) -> str:
    return _book(unit, "invoice_issued:inv_ghost", None, ("goodwill", 5), ("revenue", -5))


@_plants("invoice_void_posting")
def _void_in_its_row_alone(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "issued")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, status="void")
    return found.id


@_plants("invoice_settled")
def _paid_with_something_due(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, status="paid")
    return found.id


@_plants("invoice_settled")
def _settled_twice(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, credit_minor=found.total_minor)
    return found.id


@_plants("invoice_paid")
def _paid_by_nobody(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, paid_minor=found.paid_minor + 1)
    return found.id


@_plants("invoice_credited")
def _credited_by_nothing(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, credited_minor=1)
    return found.id


@_plants("invoice_credit")
def _credit_that_was_never_applied(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, credit_minor=found.credit_minor + 1)
    return found.id


@_plants("invoice_prepaid")
def _a_wallet_that_never_paid(unit: Unit) -> str:
    found = _invoice(unit, InvoiceRow.status == "partly_paid")
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, prepaid_minor=found.prepaid_minor + 1)
    return found.id


@_plants("credit_note_differs")
def _a_note_of_other_lines(unit: Unit) -> str:
    note = unit.session.scalars(select(CreditNoteRow.id).limit(1)).one()
    _change(unit, CreditNoteLineRow, CreditNoteLineRow.credit_note_id == note, net_minor=1)
    return note


@_plants("number_missing")
def _a_number_that_nobody_has(unit: Unit) -> str:
    _change(unit, SeriesRow, SeriesRow.series == "INV", last_number=SeriesRow.last_number + 2)
    return "INV"


@_plants("number_twice")
def _a_number_under_another_prefix(unit: Unit) -> str:
    _change(unit, InvoiceRow, InvoiceRow.number == "INV-000001", number="OLD-000003")
    return "INV"


@_plants("number_outside_series")
def _a_number_from_elsewhere(unit: Unit) -> str:
    found = _invoice(unit)
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, number="INV-999999")
    return found.id


@_plants("number_missing")
def _a_note_without_its_number(unit: Unit) -> str:
    _change(unit, CreditNoteRow, CreditNoteRow.number == "CN-000001", number="CN-000077")
    return "CN"


@_plants("period_billed_twice")
def _a_period_that_begins_too_soon(unit: Unit) -> str:
    later = InvoiceRow.sequence == 2
    found = _invoice(unit, InvoiceRow.period_start.is_not(None), InvoiceRow.status != "void", later)
    assert found.period_start is not None
    _change(unit, InvoiceRow, InvoiceRow.id == found.id, period_start=found.period_start - timedelta(hours=1))
    return found.id


@_plants("payment_posting")
def _a_payment_of_another_amount(unit: Unit) -> str:
    found = unit.session.scalars(select(PaymentRow).order_by(PaymentRow.id).limit(1)).one()
    _change(unit, PaymentRow, PaymentRow.id == found.id, amount_minor=found.amount_minor + 100)
    return found.id


@_plants("payment_refunded")
def _a_refund_that_no_row_made(unit: Unit) -> str:
    found = unit.session.scalars(select(PaymentRow).order_by(PaymentRow.id).limit(1)).one()
    _change(unit, PaymentRow, PaymentRow.id == found.id, refunded_minor=found.refunded_minor + 1)
    return found.id


@_plants("refund_posting")
def _a_refund_of_another_amount(unit: Unit) -> str:
    found = unit.session.scalars(select(RefundRow)).one()
    _change(unit, RefundRow, RefundRow.id == found.id, amount_minor=found.amount_minor + 1)
    return found.id


@_plants("cash_differs")
def _cash_from_nowhere(unit: Unit) -> str:
    _book(unit, "payment_received:pay_ghost", None, ("cash", 100), ("goodwill", -100))
    return "EUR"


@_plants("receivable_differs")
def _owed_for_nothing(unit: Unit) -> str:
    who = _invoice(unit).customer_id
    _book(unit, "credit_granted:odd", who, ("receivable", 7), ("goodwill", -7))
    return who


@_plants("credit_below_zero")
def _more_credit_taken_than_given(unit: Unit) -> str:
    who = _invoice(unit).customer_id
    _book(unit, "credit_granted:odd", who, ("customer_credit", 10_000), ("goodwill", -10_000))
    return who


@_plants("wallet_movements")
def _a_grant_that_grew(unit: Unit) -> str:
    found = unit.session.scalars(select(WalletGrantRow).limit(1)).one()
    _change(unit, WalletGrantRow, WalletGrantRow.id == found.id, remaining_minor=found.remaining_minor + 1)
    return found.wallet_id


@_plants("wallet_account")
def _a_wallet_that_the_books_do_not_know(unit: Unit) -> str:
    who = unit.session.scalars(select(WalletRow.customer_id)).one()
    _book(unit, "wallet_given:odd", who, ("goodwill", 3), ("wallet", -3))
    return who


@_plants("wallet_below_floor")
def _a_wallet_below_its_floor(unit: Unit) -> str:
    found = unit.session.scalars(select(WalletRow)).one()
    _change(unit, WalletRow, WalletRow.id == found.id, overdrawn_minor=1 - found.floor_minor)
    return found.id


@_plants("mrr_differs")
def _a_step_of_another_value(unit: Unit) -> str:
    return _step(unit, minor=12_345)


@_plants("mrr_movements")
def _a_history_that_moved_by_itself(unit: Unit) -> str:
    _step(unit, minor=12_345)
    return "EUR"


def _step(unit: Unit, *, minor: int) -> str:
    found = unit.session.scalars(select(SubscriptionRow).order_by(SubscriptionRow.id).limit(1)).one()
    row = {
        "id": "sev_planted",
        "subscription_id": found.id,
        "customer_id": found.customer_id,
        "kind": "changed",
        "plan_key": found.plan_key,
        "plan_rank": 0,
        "mrr_minor": minor,
        "at": NOW + timedelta(days=9),
        "received_at": NOW,
    }
    unit.session.execute(insert(SubscriptionEventRow), [row])
    return found.id


@_plants("deferred_differs")
def _earned_without_a_schedule(unit: Unit) -> str:
    _book(unit, "revenue_earned:odd", None, ("deferred_revenue", 40), ("revenue", -40))
    return "EUR"


@_plants("deferred_differs")
def _a_schedule_that_forgot(unit: Unit) -> str:
    where = (DeferredLineRow.position == 0) & (DeferredLineRow.recognised_minor > 0)
    _change(unit, DeferredLineRow, where, recognised_minor=0)
    return "EUR"


@_plants("usage_events_lost")
def _an_event_that_was_taken_in_and_is_not_there(unit: Unit) -> str:
    key = {"source": "api", "event_id": "lost", "at": NOW}
    unit.session.execute(insert(EventKeyRow), [key])
    return unit.scope.tenant_id


@_plants("usage_rollup_differs")
def _an_hour_that_counts_one_too_many(unit: Unit) -> str:
    roll_up_new(unit, now=NOW)
    _change(unit, UsageRollupRow, UsageRollupRow.count > 0, count=UsageRollupRow.count + 1)
    return "deliveries"


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_planted_fault_is_found(lived: Shop, fault: str) -> None:
    """The finding names whom it is about, and says so in a sentence with amounts that can be looked up."""
    plant, code = FAULTS[fault]
    with lived.database.unit(lived.scope) as unit:
        planted = plant(unit)
    with lived.database.view(lived.scope) as unit:
        found = [finding for finding in check_books(unit) if finding.code == code]
    assert found, f"{code} was not found"
    assert any(planted in finding.ids for finding in found)
    assert all(len(finding.sentence) > 20 for finding in found)


def test_every_code_that_is_written_is_planted() -> None:
    """No check is there that was never seen to fire."""
    texts = [file.read_text(encoding="utf-8") for file in Path(check.__file__).parent.glob("*.py")]
    written = {
        code for text in texts for code in re.findall(r'code="(\w+)"|"(invoice_(?:lines|\w*posting|settled))",', text)
    }
    codes = {code for pair in written for code in pair if code}
    codes |= {f"invoice_{way}" for way in ("paid", "credited", "credit", "prepaid")}
    codes |= {f"{what}_posting" for what in ("payment", "refund")}
    assert len(codes) > 20
    assert codes - {code for _, code in FAULTS.values()} == {"more_findings"}


def test_a_flood_of_findings_is_counted(lived: Shop) -> None:
    """The first hundred are told, and how many more there are."""
    with lived.database.unit(lived.scope) as unit:
        for place in range(MOST + 7):
            _book(unit, f"credit_granted:empty-{place:04d}", None)
    with lived.database.view(lived.scope) as unit:
        found = check_books(unit)
    assert len(found) == MOST + 1
    assert (found[-1].code, found[-1].sentence) == ("more_findings", "7 more of check 'postings'")
