"""Experiments, for the operator: what runs, what each one shows, hidden until it may be read, and what was decided and why. Read-only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from features.experiments.exposures_store import ExposureStore
from features.experiments.store import ExperimentStore
from serving.experiments.gather import report_of
from serving.experiments.page_file import body, self_contained
from serving.web.gate import DemoShop
from serving.web.pages import PageRoute, render

router = APIRouter(prefix="/admin/experiments", include_in_schema=False, route_class=PageRoute)
_MOST = 100


@router.get("")
def index(demo: DemoShop) -> HTMLResponse:
    """Every experiment, newest first, with how many it has seen and the last sentence that may be said."""
    with demo.view() as unit:
        store, exposures = ExperimentStore(unit), ExposureStore(unit)
        rows: list[dict[str, Any]] = []
        for each in store.all(_MOST):
            looks = store.looks(each.id)
            said = (each.verdict or {}).get("sentence") or (looks[-1].facts.get("sentence") if looks else "")
            rows.append({"it": each, "units": exposures.counts(each.run), "said": said or each.why or ""})
    return render("admin/experiments.html", demo, experiments=rows)


@router.get("/{key}")
def one(key: str, demo: DemoShop, version: Annotated[int | None, Query(ge=1)] = None) -> HTMLResponse:
    """An experiment's report."""
    document = _report(demo, key, version)
    return render("admin/experiment.html", demo, document=document, body=body(document))


@router.get("/{key}/report.html")
def file(key: str, demo: DemoShop, version: Annotated[int | None, Query(ge=1)] = None) -> Response:
    """The same as one file to keep or send on."""
    headers = {"Content-Disposition": 'attachment; filename="experiment.html"'}
    return Response(self_contained(_report(demo, key, version)), media_type="text/html", headers=headers)


def _report(demo: DemoShop, key: str, version: int | None) -> dict[str, Any]:
    with demo.view() as unit:
        return report_of(unit, ExperimentStore(unit).get(key, version), now=demo.now)
