"""Revenue day by day in real books: whole, the same however often the job ran, and nothing deferred once a period is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from billing.invoices.credit_notes.issue import CreditRequest
from billing.invoices.cycle import run_billing
from billing.invoices.deferred.store import DeferredStore
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.payments.credit import credit_invoice, void_invoice
from billing.revenue.recognise import recognise
from billing.revenue.waterfall import load_to_come, revenue_months
from billing.subscriptions.change import change_now
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.invoice import Invoice

DAY = timedelta(days=1)
FEBRUARY_END = datetime(2026, 2, 28, 9, tzinfo=UTC)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with ann and bob."""
    return open_shop(database)


def _subscribed(shop: Shop, customer: str = "ann", plan: str = "plus") -> Invoice:
    """A subscription from START, its first invoice issued: 19 euro for 28 days from nine in the morning."""
    with shop.database.unit(shop.scope) as unit:
        made = subscribe(unit, customer, plan, now=START)
    run_billing(shop.database, shop.scope, now=START, grace=timedelta())
    with shop.database.view(shop.scope) as unit:
        return InvoiceStore(unit).page(limit=1, customer_id=made.customer_id).items[0]


def _stands(shop: Shop, account: Account, at: datetime | None = None) -> int:
    with shop.database.view(shop.scope) as unit:
        books = LedgerStore(unit).balances(at)
        assert books.net("EUR") == Money.zero("EUR")
        return books.natural(account, "EUR").amount_minor


def _days(shop: Shop) -> dict[date, int]:
    with shop.database.view(shop.scope) as unit:
        days = LedgerStore(unit).by_day(accounts=[Account.REVENUE], fact="revenue_earned")
    return {each.day: each.natural.amount_minor for each in days}


def test_a_fee_is_earned_over_its_month_and_then_nothing_is_deferred(shop: Shop) -> None:
    """Deferred at first; half of it after fourteen days; all of it the day after the last, and running again books nothing."""
    _subscribed(shop)
    assert (_stands(shop, Account.DEFERRED_REVENUE), _stands(shop, Account.REVENUE)) == (1_900, 0)

    assert recognise(shop.database, shop.scope, until=START + 14 * DAY + timedelta(hours=15)) == 1
    assert _stands(shop, Account.REVENUE) == 992  # 14 days and 15 hours of 28 days, rounded down
    assert recognise(shop.database, shop.scope, until=START + 14 * DAY + timedelta(hours=20)) == 0

    recognise(shop.database, shop.scope, until=START + 40 * DAY)
    assert (_stands(shop, Account.DEFERRED_REVENUE), _stands(shop, Account.REVENUE)) == (0, 1_900)
    assert recognise(shop.database, shop.scope, until=START + 90 * DAY) == 0
    assert sum(_days(shop).values()) == 1_900


def test_running_late_books_the_same_days_as_running_daily(database: Database) -> None:
    """Two shops, one recognised every day and one at the end of March: the same amount on the same days."""
    daily, late = open_shop(database, "Daily"), open_shop(database, "Late")
    for shop in (daily, late):
        _subscribed(shop)
        _subscribed(shop, "bob", "pro")
    for number in range(60):
        recognise(database, daily.scope, until=START + number * DAY)
    recognise(database, late.scope, until=START + 59 * DAY)
    assert _days(daily) == _days(late)
    assert min(_days(late)) == START.date()


def test_a_change_of_plan_earns_what_each_plan_gave(shop: Shop) -> None:
    """Up after ten days and never billed for it until the month ends: the credit and the new fee are earned over their own rest."""
    with shop.database.unit(shop.scope) as unit:
        made = subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START, grace=timedelta())
    with shop.database.unit(shop.scope) as unit:
        change_now(unit, made.id, "plus", now=START + 10 * DAY)
    run_billing(shop.database, shop.scope, now=FEBRUARY_END, grace=timedelta())
    recognise(shop.database, shop.scope, until=FEBRUARY_END + DAY)
    with shop.database.view(shop.scope) as unit:
        left = DeferredStore(unit).deferred()["EUR"]
    assert _stands(shop, Account.DEFERRED_REVENUE) == left
    recognise(shop.database, shop.scope, until=FEBRUARY_END + 40 * DAY)
    with shop.database.view(shop.scope) as unit:
        invoices = InvoiceStore(unit).page(limit=10).items
    assert _stands(shop, Account.DEFERRED_REVENUE) == 0
    assert _stands(shop, Account.REVENUE) == sum(each.net.amount_minor for each in invoices)


@pytest.mark.parametrize("after", [0, 10, 28, 60])
def test_a_credit_whenever_it_comes_leaves_the_rest_earned(shop: Shop, after: int) -> None:
    """Five of nineteen euro credited before, during and after the period: fourteen are earned in the end, nothing stays deferred."""
    invoice = _subscribed(shop)
    now = START + after * DAY
    recognise(shop.database, shop.scope, until=now)
    with shop.database.unit(shop.scope) as unit:
        credit_invoice(unit, invoice.id, CreditRequest(amount=Money(500, "EUR")), now=now)
    recognise(shop.database, shop.scope, until=START + 90 * DAY)
    assert (_stands(shop, Account.DEFERRED_REVENUE), _stands(shop, Account.REVENUE)) == (0, 1_400)


def test_days_before_a_credit_are_earned_as_they_were(database: Database) -> None:
    """Two shops, one recognised daily and one never until March, each credited after ten days: the same amount on the same days."""
    daily, late = open_shop(database, "Daily"), open_shop(database, "Late")
    invoices = {shop.opened.tenant.id: _subscribed(shop) for shop in (daily, late)}
    for number in range(60):
        now = START + number * DAY
        recognise(database, daily.scope, until=now)
        if number == 10:
            for shop in (daily, late):
                with database.unit(shop.scope) as unit:
                    request = CreditRequest(amount=Money(900, "EUR"))
                    credit_invoice(unit, invoices[shop.opened.tenant.id].id, request, now=now)
    recognise(database, late.scope, until=START + 59 * DAY)
    assert _days(daily) == _days(late)
    assert sum(_days(late).values()) == 1_000


def test_a_void_takes_back_what_was_earned(shop: Shop) -> None:
    """Ten days were earned of an invoice that never counted."""
    invoice = _subscribed(shop)
    recognise(shop.database, shop.scope, until=START + 10 * DAY)
    with shop.database.unit(shop.scope) as unit:
        void_invoice(unit, invoice.id, now=START + 10 * DAY)
    recognise(shop.database, shop.scope, until=START + 12 * DAY)
    assert (_stands(shop, Account.DEFERRED_REVENUE), _stands(shop, Account.REVENUE)) == (0, 0)
    assert _stands(shop, Account.REVENUE, START + 9 * DAY) > 0  # the past stays as it was booked


def test_the_waterfall_meets_what_is_to_come(shop: Shop) -> None:
    """January earned fifteen hours; what February and March will earn is what is deferred now; then the books say the same."""
    _subscribed(shop)
    recognise(shop.database, shop.scope, until=START + DAY)
    with shop.database.view(shop.scope) as unit:
        (january,) = revenue_months(unit, first=START, last=START)
        ahead = load_to_come(unit, now=START + DAY, count=3)
    assert (january.revenue, january.recognised) == (Money(42, "EUR"), Money(42, "EUR"))  # 19.00 x 15 / 672
    assert january.deferred == Money(1_858, "EUR")
    assert [each.month.month for each in ahead] == [2, 3, 4]
    assert [each.recognised.amount_minor for each in ahead] == [1_858, 0, 0]
    assert [each.deferred.amount_minor for each in ahead] == [0, 0, 0]
    recognise(shop.database, shop.scope, until=START + 60 * DAY)
    with shop.database.view(shop.scope) as unit:
        booked = revenue_months(unit, first=START, last=START + 59 * DAY)
    assert [each.recognised.amount_minor for each in booked] == [42, 1_858, 0]


def test_the_run_goes_through_many_lines_and_tells_of_them(database: Database) -> None:
    """A line a customer, more than a batch would be in small, each once."""
    names = tuple(f"c{number}" for number in range(12))
    shop = open_shop(database, customers=names)
    for name in names:
        with database.unit(shop.scope) as unit:
            subscribe(unit, name, "starter", now=START)
    run_billing(database, shop.scope, now=START, grace=timedelta())
    told: list[int] = []
    assert recognise(database, shop.scope, until=START + 50 * DAY, progress=told.append) == sum(told) == 12
    assert _stands(shop, Account.REVENUE) == 12 * 900
