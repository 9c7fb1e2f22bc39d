"""Monthly recurring revenue and its movements, and whether the books are whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from billing.kernel.clock import utc
from billing.kernel.period import Period
from billing.metering.windows import Window
from billing.revenue.check.books import check_books
from billing.revenue.check.finding import Finding
from billing.revenue.check.registry import CHECKS
from billing.revenue.mrr.movement import Movement
from billing.revenue.mrr.read import mrr_report
from billing.revenue.mrr.reconcile import Reconciled, reconcile
from billing.revenue.mrr.report import MrrWindow
from serving.api import documents
from serving.api.context import SecretContext
from serving.api.tabular import Format, report

router = APIRouter(prefix="/v1/reports", tags=["money"])
_USUAL = {Window.MONTH: timedelta(days=365), Window.DAY: timedelta(days=31)}


@router.get("/mrr")
def mrr(
    context: SecretContext,
    since: Annotated[datetime | None, Query(alias="from", description="Included; its zone is part of it.")] = None,
    until: Annotated[datetime | None, Query(alias="to", description="Excluded; now by default.")] = None,
    by: Literal["month", "day"] = "month",
    file_format: Format = "json",
) -> Response:
    """What monthly recurring revenue was, how it moved and what it came to, by month or day (UTC) and currency.

    A month says as well what the books recognised of what was invoiced in advance, and how far that is from the month's average.
    """
    window = Window(by)
    end = context.now if until is None else utc(until)
    period = Period(end - _USUAL[window] if since is None else utc(since), end)
    with context.view() as unit:
        rows = reconcile(unit, mrr_report(unit, period, window, zone="UTC"))
    shown = [_row(row, beside_books=window is Window.MONTH) for row in rows]
    around = {"from": documents.instant(period.start), "to": documents.instant(period.end), "by": by}
    return report("mrr", shown, file_format, **around)


@router.get("/check")
def check(context: SecretContext) -> dict[str, Any]:
    """Every check of the books, and what does not hold: nothing in a live system."""
    with context.view() as unit:
        found = check_books(unit)
    return {
        "as_of": documents.instant(context.now),
        "whole": not found,
        "checks": list(CHECKS),
        "findings": [_finding(finding) for finding in found],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "detail": finding.sentence,
        "ids": list(finding.ids),
        "amounts": {name: documents.money(amount) for name, amount in finding.amounts.items()},
    }


def _row(row: Reconciled, *, beside_books: bool) -> dict[str, Any]:
    window = row.window
    shown: dict[str, Any] = {
        "start": documents.instant(window.period.start),
        "end": documents.instant(window.period.end),
        "currency": window.currency,
        "opening": documents.money(window.opening),
        **{kind.value: _moved(window, kind) for kind in Movement},
        "closing": documents.money(window.closing),
        "average": documents.money(window.average),
    }
    if beside_books:
        shown["recognised"] = documents.money(row.recognised)
        shown["difference"] = documents.money(row.difference)
    return shown


def _moved(window: MrrWindow, kind: Movement) -> dict[str, Any]:
    return {"amount": window.moved[kind].text, "currency": window.currency, "count": window.counts[kind]}
