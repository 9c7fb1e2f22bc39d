"""The books: what stands on each account, what each day moved, each fact behind it, and when what was invoiced is earned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from billing.customers.store import CustomerStore
from billing.invoices.deferred.schedule import Schedule
from billing.invoices.deferred.store import DeferredStore
from billing.invoices.invoice import Invoice
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.page import page_size
from billing.kernel.period import Period
from billing.ledger.account import Account
from billing.ledger.posting import Transaction
from billing.ledger.store import LedgerStore
from billing.revenue.waterfall import MOST_MONTHS, RevenueMonth, load_to_come, revenue_months
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.api.tabular import Format, report

router = APIRouter(prefix="/v1", tags=["money"])

LONGEST = timedelta(days=3_660)
_INSTANT = timedelta(microseconds=1)
_A_YEAR = timedelta(days=365)
_A_MONTH = timedelta(days=31)

From = Annotated[datetime | None, Query(alias="from", description="Included; its zone is part of it.")]
To = Annotated[datetime | None, Query(alias="to", description="Excluded; now by default.")]


@router.get("/ledger/balances")
def balances(context: SecretContext, as_of: datetime | None = None) -> dict[str, Any]:
    """What stands on every account (at an instant, if told), and that it sums to nothing in each currency."""
    with context.view() as unit:
        found = LedgerStore(unit).balances(None if as_of is None else utc(as_of))
    accounts = [
        {"account": account.value, "balance": documents.money(account.natural(found.of(account, currency)))}
        for account, currency in sorted(found.minor, key=lambda pair: (pair[1], pair[0].value))
    ]
    return {"accounts": accounts, "net": [documents.money(found.net(currency)) for currency in found.currencies()]}


@router.get("/ledger/transactions")
def transactions(
    context: SecretContext,
    customer: str | None = None,
    account: Account | None = None,
    since: From = None,
    until: To = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Facts in the books, newest first: a customer's statement, an account's, or all. `fact` and `of` say what each was."""
    period = None if since is None and until is None else _period(context, since, until, LONGEST)
    with context.view() as unit:
        customer_id = CustomerStore(unit).get(customer).id if customer else None
        found = LedgerStore(unit).page(
            limit=page_size(limit), cursor=cursor, customer_id=customer_id, account=account, period=period
        )
        names = CustomerStore(unit).by_ids(each.customer for each in found.items if each.customer is not None)
    keys = {customer_id: named.key for customer_id, named in names.items()}
    return documents.page([_transaction(each, keys) for each in found.items], found.next_cursor)


@router.get("/reports/ledger")
def ledger(context: SecretContext, since: From = None, until: To = None, file_format: Format = "json") -> Response:
    """What each day (UTC) moved on each account, the last 31 days unless told; amounts are above zero where the account grew."""
    period = _period(context, since, until, _A_MONTH)
    with context.view() as unit:
        days = LedgerStore(unit).by_day(since=period.start, until=period.end)
    rows = [
        {
            "day": each.day.isoformat(),
            "account": each.account.value,
            "currency": each.currency,
            "change": documents.money(each.natural),
        }
        for each in days
    ]
    return report("ledger", rows, file_format, **_around(period))


@router.get("/reports/revenue")
def revenue(
    context: SecretContext,
    since: From = None,
    until: To = None,
    months_ahead: Annotated[int, Query(ge=0, le=MOST_MONTHS)] = 12,
    file_format: Format = "json",
) -> Response:
    """What each month (UTC) earned and left to earn, the last year unless told; then what months ahead will earn of what is invoiced."""
    period = _period(context, since, until, _A_YEAR)
    with context.view() as unit:
        past = revenue_months(unit, first=period.start, last=period.end - _INSTANT)
        ahead = load_to_come(unit, now=context.now, count=months_ahead)
    rows = [_month(each, "booked") for each in past] + [_month(each, "to_come") for each in ahead]
    return report("revenue", rows, file_format, **_around(period))


@router.get("/invoices/{invoice_id}/revenue")
def schedule(invoice_id: str, context: SecretContext) -> dict[str, Any]:
    """When each line of an invoice that is paid in advance is earned, and how far it has been; other lines are earned when it is issued."""
    with context.view() as unit:
        invoice = InvoiceStore(unit).get(invoice_id)
        found = DeferredStore(unit).of(invoice.id)
    return documents.page([_schedule(each, invoice) for each in found], None)


def _schedule(value: Schedule, invoice: Invoice) -> dict[str, Any]:
    line = invoice.lines[value.position]
    return {
        "line": value.position + 1,
        "key": line.key,
        "description": line.document.get("description", line.kind),
        "from": documents.instant(value.starts_at),
        "to": documents.instant(value.ends_at),
        "amount": documents.money(value.amount),
        "recognised": documents.money(value.recognised),
        "deferred": documents.money(value.deferred),
        "next_day_ends": documents.instant(value.due_at),
    }


def _period(context: Context, since: datetime | None, until: datetime | None, usual: timedelta) -> Period:
    end = context.now if until is None else utc(until)
    start = end - usual if since is None else utc(since)
    if not timedelta() < end - start <= LONGEST:
        raise InvalidError(f"`from` comes before `to`, by at most {LONGEST.days} days", start=start.isoformat())
    return Period(start, end)


def _around(period: Period) -> dict[str, Any]:
    return {"from": documents.instant(period.start), "to": documents.instant(period.end)}


def _month(value: RevenueMonth, kind: str) -> dict[str, Any]:
    return {
        "month": f"{value.month:%Y-%m}",
        "kind": kind,
        "currency": value.currency,
        "revenue": documents.money(value.revenue),
        "recognised": documents.money(value.recognised),
        "deferred": documents.money(value.deferred),
    }


def _transaction(value: Transaction, keys: dict[str, str]) -> dict[str, Any]:
    fact, _, subject = value.key.partition(":")
    return {
        "key": value.key,
        "fact": fact,
        "of": subject,
        "at": documents.instant(value.at),
        "description": value.description,
        "customer": None if value.customer is None else keys[value.customer],
        "entries": [
            {
                "account": entry.account.value,
                "side": "debit" if entry.amount.amount_minor > 0 else "credit",
                "amount": documents.money(max(entry.amount, -entry.amount)),
            }
            for entry in value.entries
        ],
    }
