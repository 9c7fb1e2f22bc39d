"""The billing thread from a subscription to a paid invoice, on every engine, with amounts one can check by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.entitlements.access import Access, Reason
from billing.entitlements.check import Question, check
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import Invoice, InvoiceStateError, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.invoices.upcoming import upcoming
from billing.ledger.store import LedgerStore
from billing.metering.ingest import ingest
from billing.payments.record import record_payment
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.change import QuoteExpiredError, accept_quote, change_now, quote_change
from billing.subscriptions.preview import preview_change
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import AlreadySubscribedError, ChangeRefusedError, Status
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database
    from billing.subscriptions.subscription import Subscription

FIRST_END = START.replace(month=2, day=28)
HALF_WAY = START + timedelta(days=14)
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with its catalogue."""
    return open_shop(database)


def _start(shop: Shop, plan: str = "starter", customer: str = "ann", now: datetime = START) -> Subscription:
    with shop.database.unit(shop.scope) as unit:
        started = subscribe(unit, customer, plan, now=now)
    run_billing(shop.database, shop.scope, now=now)
    return started


def _invoices(shop: Shop) -> list[Invoice]:
    with shop.database.view(shop.scope) as unit:
        return list(reversed(InvoiceStore(unit).page(limit=100).items))


def _ask(shop: Shop, feature: str, now: datetime, quantity: int = 1) -> Access:
    with shop.database.view(shop.scope) as unit:
        return check(unit, [Question("ann", feature, Decimal(quantity))], now=now)[0]


def _books_balance(shop: Shop) -> bool:
    with shop.database.view(shop.scope) as unit:
        found = LedgerStore(unit).balances()
        return all(found.net(currency).amount_minor == 0 for currency in found.currencies())


def test_the_first_fee_is_invoiced_when_a_subscription_starts(shop: Shop) -> None:
    """A monthly fee is due in advance, so the first invoice is issued at once with nothing but it."""
    _start(shop)

    (first,) = _invoices(shop)
    assert first.status is InvoiceStatus.ISSUED
    assert first.number == "INV-000001"
    assert [(line.kind, line.amount.text) for line in first.lines] == [("recurring", "9.00")]


def test_a_period_closes_with_its_usage_and_the_next_fee(shop: Shop) -> None:
    """Five deliveries on Starter: two are free, three cost 1.50, and the next month's 9.00 is due."""
    _start(shop)
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", str(number)) for number in range(5)], now=HALF_WAY)

    run_billing(shop.database, shop.scope, now=FIRST_END + timedelta(days=2))

    second = _invoices(shop)[1]
    assert sorted((line.kind, line.amount.text) for line in second.lines) == [("recurring", "9.00"), ("usage", "4.50")]
    assert second.total.text == "13.50"
    assert _books_balance(shop)


def test_late_usage_is_on_the_invoice_while_its_draft_is_open(shop: Shop) -> None:
    """An event of the closed period that arrives within the day of grace is billed with that period."""
    _start(shop)
    run_billing(shop.database, shop.scope, now=FIRST_END + HOUR)
    late = [delivery("ann", str(number), HALF_WAY) for number in range(4)]
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, late, now=FIRST_END + 2 * HOUR)
    assert [invoice.status for invoice in _invoices(shop)] == [InvoiceStatus.ISSUED, InvoiceStatus.IN_GRACE]

    run_billing(shop.database, shop.scope, now=FIRST_END + timedelta(days=1))

    assert _invoices(shop)[1].total.text == "12.00"


def test_running_the_billing_again_changes_nothing(shop: Shop) -> None:
    """The same moment billed twice makes no further invoice, line or posting."""
    _start(shop)
    until = FIRST_END + timedelta(days=40)
    run_billing(shop.database, shop.scope, now=until)
    before = _invoices(shop)

    report = run_billing(shop.database, shop.scope, now=until)

    assert (report.drafted, report.issued) == (0, 0)
    assert _invoices(shop) == before


def test_catching_up_late_bills_the_same_as_billing_on_time(shop: Shop) -> None:
    """One run after three months draws up what three monthly runs would have."""
    _start(shop, customer="ann")
    _start(shop, customer="bob")
    boundaries = [START.replace(month=2, day=28), START.replace(month=3, day=31), START.replace(month=4, day=30)]
    run_billing(shop.database, shop.scope, now=boundaries[-1] + timedelta(days=2))

    periods: dict[str, list[object]] = {}
    for invoice in _invoices(shop):
        periods.setdefault(invoice.customer_id, []).append((invoice.sequence, invoice.period, invoice.total.text))
    ann, bob = periods.values()
    assert ann == bob
    assert len(ann) == 4


def test_an_upgrade_is_quoted_accepted_and_invoiced_at_one_price(shop: Shop) -> None:
    """Half of February is left: 9.00 comes back, 19.00 is charged for it, and the invoice carries exactly the quote."""
    started = _start(shop)
    with shop.database.unit(shop.scope) as unit:
        quote = quote_change(unit, started.id, "plus", now=HALF_WAY, life=HOUR)
    assert quote.total.text == "5.00"
    assert _ask(shop, "early_access", HALF_WAY).reason is Reason.NOT_IN_PLAN

    with shop.database.unit(shop.scope) as unit:
        changed = accept_quote(unit, quote.id, now=HALF_WAY + HOUR / 2)
    run_billing(shop.database, shop.scope, now=FIRST_END + timedelta(days=2))

    assert changed.total == quote.total
    assert _ask(shop, "early_access", HALF_WAY + HOUR).allowed
    billed = [line for line in _invoices(shop)[1].lines if line.quote_id == quote.id]
    assert [line.amount.text for line in billed] == ["-4.50", "9.50"]
    assert [dict(line.document) for line in billed] == [dict(line) for line in quote.lines]
    assert _books_balance(shop)


def test_a_preview_is_what_committing_bills(shop: Shop) -> None:
    """The lines shown before a change are the lines that the change leaves for the invoice."""
    started = _start(shop)
    with shop.database.unit(shop.scope) as unit:
        shown = preview_change(unit, SubscriptionStore(unit).get(started.id), "pro", at=HALF_WAY)
        changed = change_now(unit, started.id, "pro", now=HALF_WAY)

    assert [dict(line) for line in changed.lines] == [line.to_document() for line in shown.lines]
    with shop.database.view(shop.scope) as unit:
        assert [line.amount for line in upcoming(unit, started.id).lines][:2] == [line.amount for line in shown.lines]


def test_up_and_down_again_at_one_instant_costs_nothing(shop: Shop) -> None:
    """The credit of the second change takes back the debit of the first, to the cent."""
    started = _start(shop)
    with shop.database.unit(shop.scope) as unit:
        up = change_now(unit, started.id, "pro", now=HALF_WAY)
        down = change_now(unit, started.id, "starter", now=HALF_WAY)

    assert (up.total + down.total).amount_minor == 0


def test_a_quote_is_taken_once_in_time_and_unchanged(shop: Shop) -> None:
    """A second acceptance, a late one, and one after another change are refused and change nothing."""
    started = _start(shop)
    with shop.database.unit(shop.scope) as unit:
        first = quote_change(unit, started.id, "plus", now=HALF_WAY, life=HOUR)
        second = quote_change(unit, started.id, "pro", now=HALF_WAY, life=HOUR)
    with pytest.raises(QuoteExpiredError, match="expired"), shop.database.unit(shop.scope) as unit:
        accept_quote(unit, first.id, now=HALF_WAY + HOUR)
    with shop.database.unit(shop.scope) as unit:
        accept_quote(unit, first.id, now=HALF_WAY)

    with pytest.raises(QuoteExpiredError, match="already"), shop.database.unit(shop.scope) as unit:
        accept_quote(unit, first.id, now=HALF_WAY)
    with pytest.raises(QuoteExpiredError, match="has changed"), shop.database.unit(shop.scope) as unit:
        accept_quote(unit, second.id, now=HALF_WAY)


def test_a_quote_never_outlives_the_period_it_prices(shop: Shop) -> None:
    """Its lines share the present period, so it ends with that period at the latest."""
    started = _start(shop)

    with shop.database.unit(shop.scope) as unit:
        quote = quote_change(unit, started.id, "plus", now=FIRST_END - HOUR / 2, life=HOUR)

    assert quote.expires_at == FIRST_END


def test_an_addon_adds_its_right_and_its_share_of_the_month(shop: Shop) -> None:
    """Half a month of a 7.50 box costs 3.75, and from then on the next invoice carries it whole."""
    started = _start(shop)
    with shop.database.unit(shop.scope) as unit:
        changed = change_now(unit, started.id, "tasting_box", now=HALF_WAY)
    run_billing(shop.database, shop.scope, now=FIRST_END + timedelta(days=2))

    assert changed.total.text == "3.75"
    assert _ask(shop, "tastings", HALF_WAY).allowed
    assert _invoices(shop)[1].total.text == "20.25"


@pytest.mark.parametrize(("target", "words"), [("starter", "already"), ("nothing", "there is no plan")])
def test_a_change_that_cannot_be_is_refused_in_words(shop: Shop, target: str, words: str) -> None:
    """The same plan, or one that does not exist."""
    started = _start(shop)

    with pytest.raises(Exception, match=words), shop.database.unit(shop.scope) as unit:
        change_now(unit, started.id, target, now=HALF_WAY)


def test_a_customer_has_one_subscription(shop: Shop) -> None:
    """A second start is refused and names the first."""
    started = _start(shop)

    with pytest.raises(AlreadySubscribedError) as refused, shop.database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "plus", now=HALF_WAY)

    assert refused.value.facts["subscription"] == started.id


def test_an_addon_alone_is_no_subscription(shop: Shop) -> None:
    """Add-ons need a plan under them."""
    with pytest.raises(ChangeRefusedError, match="add-on"), shop.database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "tasting_box", now=START)


def test_a_cancelled_subscription_runs_to_the_end_of_what_was_paid(shop: Shop) -> None:
    """Rights stay until the period ends, usage of it is billed, and no further fee is asked."""
    started = _start(shop, "plus")
    with shop.database.unit(shop.scope) as unit:
        cancelled = cancel_at_period_end(unit, started.id, now=HALF_WAY)
        assert cancel_at_period_end(unit, started.id, now=HALF_WAY) == cancelled
    run_billing(shop.database, shop.scope, now=FIRST_END + timedelta(days=40))

    with shop.database.view(shop.scope) as unit:
        assert SubscriptionStore(unit).get(started.id).status is Status.ENDED
    assert _ask(shop, "early_access", FIRST_END - HOUR).allowed
    assert _ask(shop, "early_access", FIRST_END).reason is Reason.NO_SUBSCRIPTION
    assert [invoice.total.text for invoice in _invoices(shop)] == ["19.00", "0.00"]


def test_a_limit_counts_the_period_and_says_what_lifts_it(shop: Shop) -> None:
    """Three of three deliveries used: the fourth is refused until the period ends, and Plus or Pro would allow it."""
    _start(shop)
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", str(number)) for number in range(3)], now=HALF_WAY)

    answer = _ask(shop, "deliveries", HALF_WAY)

    assert (answer.allowed, answer.reason) == (False, Reason.LIMIT_REACHED)
    assert (answer.limit, answer.used, answer.remaining) == (3, Decimal(3), Decimal(0))
    assert answer.resets_at == FIRST_END
    assert [(unlock.key, unlock.price.text) for unlock in answer.unlock] == [("plus", "19.00"), ("pro", "49.00")]
    assert _ask(shop, "deliveries", FIRST_END).allowed


def test_a_payment_pays_once_and_the_books_stay_whole(shop: Shop) -> None:
    """The same reference again answers the same; another one is refused, since nothing is due."""
    _start(shop)
    (invoice,) = _invoices(shop)
    with shop.database.unit(shop.scope) as unit:
        paid = record_payment(unit, invoice.id, reference="bank-1", now=HALF_WAY)
        again = record_payment(unit, invoice.id, reference="bank-1", now=HALF_WAY)

    assert paid.status is InvoiceStatus.PAID
    assert replace(again) == paid
    assert paid.amount_due.amount_minor == 0
    with pytest.raises(InvoiceStateError), shop.database.unit(shop.scope) as unit:
        record_payment(unit, invoice.id, reference="bank-2", now=HALF_WAY)
    assert _books_balance(shop)


def test_credit_left_by_a_downgrade_pays_later_invoices(shop: Shop) -> None:
    """Pro to Starter on the first day gives 40.00 back: 9.00 of it pays the next fee at once, the rest those that follow."""
    started = _start(shop, "pro")
    with shop.database.unit(shop.scope) as unit:
        change_now(unit, started.id, "starter", now=START)

    run_billing(shop.database, shop.scope, now=START.replace(month=3, day=31) + timedelta(days=2))

    first, second, third = _invoices(shop)
    assert (first.total.text, second.total.text, third.total.text) == ("49.00", "-31.00", "9.00")
    assert (second.amount_due.text, third.credit.text, third.amount_due.text) == ("0.00", "9.00", "0.00")
    assert _books_balance(shop)
