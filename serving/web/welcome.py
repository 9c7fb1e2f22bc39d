"""The first page: what there is to open."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from serving.web.gate import is_local, read_demo
from serving.web.pages import PageRoute, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
def welcome(request: Request) -> HTMLResponse:
    """Where the pages are; it shows nothing of any tenant."""
    has_demo = is_local(request) and read_demo(request.app.state.services.settings.home) is not None
    return render("welcome.html", has_demo=has_demo)
