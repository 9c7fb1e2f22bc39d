"""Success measured beside the holdout: what offers earned, and how customers fare."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.money import exponent
from billing.kernel.period import Period
from serving.api.context import Context, SecretContext
from serving.api.tabular import Format
from serving.api.tabular import report as rows_as
from serving.predict.success import programme_report, success_report
from serving.success.documents import programme_around, programme_rows, success_around, success_rows
from serving.success.page_file import self_contained

router = APIRouter(prefix="/v1/reports", tags=["offers"])

LONGEST = timedelta(days=3_660)
USUAL = timedelta(days=90)
From = Annotated[datetime | None, Query(alias="from", description="Included; its zone is part of it.")]
To = Annotated[datetime | None, Query(alias="to", description="Excluded; now by default, and no later.")]
Currency = Annotated[str | None, Query(description="ISO 4217; the tenant's own unless told.")]
Window = Annotated[int | None, Query(ge=1, le=3_660, description="Days counted of each customer; all unless told.")]


@router.get("/success")
def success(
    context: SecretContext,
    since: From = None,
    until: To = None,
    by: Literal["segment", "plan", "cohort"] | None = None,
    currency: Currency = None,
    window_days: Window = None,
    file_format: Format = "json",
) -> Response:
    """Renewals, churn, order values, bundles, answers to offers and feedback, each beside those held out; the last 90 days unless told.

    Of the customers whom an offer first met in the period. The two groups are masked for a week and until each has enough customers.
    """
    period = _period(context, since, until)
    with context.view() as unit:
        found = success_report(unit, period, currency=_currency(context, currency), by=by, window_days=window_days)
    return rows_as("success", success_rows(found), file_format, **success_around(found))


@router.get("/programme")
def programme(
    context: SecretContext,
    since: From = None,
    until: To = None,
    currency: Currency = None,
    window_days: Window = None,
    file_format: Annotated[Literal["json", "csv", "html"], Query(alias="format")] = "json",
) -> Response:
    """What all offers together and each of them brought beyond the holdout, from the books; HTML is one file that needs nothing else."""
    period = _period(context, since, until)
    with context.view() as unit:
        found = programme_report(unit, period, currency=_currency(context, currency), window_days=window_days)
    around, rows = programme_around(found), programme_rows(found)
    if file_format == "html":
        headers = {"Content-Disposition": 'attachment; filename="programme.html"'}
        return Response(self_contained(around, rows), media_type="text/html; charset=utf-8", headers=headers)
    return rows_as("programme", rows, file_format, **around)


def _period(context: Context, since: datetime | None, until: datetime | None) -> Period:
    end = context.now if until is None else min(utc(until), context.now)
    start = end - USUAL if since is None else utc(since)
    if not timedelta() < end - start <= LONGEST:
        raise InvalidError(f"`from` comes before `to` and before now, by at most {LONGEST.days} days")
    return Period(start, end)


def _currency(context: Context, named: str | None) -> str:
    if named is None:
        return context.principal.tenant.currency
    exponent(named)
    return named
