"""How a page becomes an answer: templates that escape everything, strict security headers, and errors as pages instead of JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from billing.kernel.errors import UptierError
from serving.api.errors import STATUS
from serving.web.assets import address
from serving.web.wording import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Response

    from serving.web.gate import Demo

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cache-Control": "no-store",
}

_ENVIRONMENT = Environment(
    loader=PackageLoader("serving.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(FILTERS)
_ENVIRONMENT.globals["asset"] = address


def render(template: str, demo: Demo | None = None, *, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A page from its template; the demonstration tenant gives its name and zone."""
    around = (
        {"shop": demo.tenant.name, "zone": demo.tenant.zone, "now": demo.now} if demo else {"shop": "", "zone": "UTC"}
    )
    text = _ENVIRONMENT.get_template(template).render({**around, **values})
    return HTMLResponse(text, status_code=status, headers=HEADERS)


class PageRoute(APIRoute):
    """A route whose expected errors are shown as a page that says what to do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, with errors turned into pages."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handle(request)
            except UptierError as error:
                return _problem(STATUS[error.kind], error.code, error.detail)
            except RequestValidationError:
                return _problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "the address of this page is not complete"
                )

        return shown


def _problem(status: HTTPStatus, code: str, detail: str) -> HTMLResponse:
    return render("problem.html", status=status, title=_TITLES.get(code, status.phrase), code=code, detail=detail)


_TITLES = {
    "no_demo": "There is no demonstration shop yet",
    "demo_is_local": "These pages open on the serving machine only",
    "customer_not_found": "No such customer",
    "invoice_not_found": "No such invoice",
}
