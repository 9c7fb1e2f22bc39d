"""Success, for the operator: what offers brought beyond what would have come anyway, and how customers fare beside those held out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from billing.kernel.period import Period
from serving.predict.success import programme_report, success_report
from serving.success.documents import programme_around, programme_rows, success_around, success_rows
from serving.success.page_file import programme_body, self_contained, success_body
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render

router = APIRouter(prefix="/admin/success", include_in_schema=False, route_class=PageRoute)
SPANS = {30: "30 days", 90: "90 days", 365: "a year"}
Days = Annotated[int, Query(ge=1, le=3_650)]


@router.get("")
def index(
    demo: DemoShop, days: Days = 90, by: Annotated[Literal["segment", "plan", "cohort"] | None, Query()] = None
) -> HTMLResponse:
    """Both reports of the last days, the measures by a group where asked."""
    with demo.view() as unit:
        earned = programme_report(unit, _period(demo, days), currency=demo.tenant.currency)
        found = success_report(unit, _period(demo, days), currency=demo.tenant.currency, by=by)
    return render(
        "admin/success.html",
        demo,
        earned=programme_body(programme_around(earned), programme_rows(earned)),
        measures=success_body(success_around(found), success_rows(found)),
        days=days,
        spans=SPANS,
        by=by,
    )


@router.get("/programme.html")
def file(demo: DemoShop, days: Days = 90) -> Response:
    """What offers brought, as one file to keep or send on."""
    with demo.view() as unit:
        found = programme_report(unit, _period(demo, days), currency=demo.tenant.currency)
    headers = {"Content-Disposition": 'attachment; filename="programme.html"'}
    text = self_contained(programme_around(found), programme_rows(found))
    return Response(text, media_type="text/html", headers=headers)


def _period(demo: Demo, days: int) -> Period:
    return Period(demo.now - timedelta(days=days), demo.now)
