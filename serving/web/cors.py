"""Lets a shop's own pages call the four routes that browsers may use, and keeps their personal answers out of shared caches.

Any origin may ask and read an answer: what a page may know is decided by the key's origins and the customer's token, in
serving/api/context.py, never here. No credentials (cookies) are allowed, so a foreign page gains nothing by asking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROUTES = (
    ("GET", re.compile(r"/v1/recommendations")),
    ("GET", re.compile(r"/v1/bundles")),
    ("POST", re.compile(r"/v1/decisions")),
    ("POST", re.compile(r"/v1/decisions/[^/]+/outcome")),
)
ALLOWED_HEADERS = "authorization, content-type, x-customer-token, idempotency-key"
_REMEMBER_SECONDS = "600"


def browser_method(path: str) -> str | None:
    """The method that browsers may call this path with, or None.

    >>> browser_method("/v1/decisions/dec_1/outcome"), browser_method("/v1/decisions/dec_1")
    ('POST', None)
    """
    return next((method for method, pattern in _ROUTES if pattern.fullmatch(path)), None)


class BrowserRoutes:
    """ASGI middleware: answers preflights of the browser routes, and marks their answers as readable and private."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything else on untouched."""
        allowed = browser_method(scope["path"]) if scope["type"] == "http" else None
        if allowed is None:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            await _preflight(origin, allowed)(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), origin)
            await send(message)

        await self._app(scope, receive, marked if scope["method"] == allowed else send)


def _preflight(origin: str, method: str) -> Response:
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": _REMEMBER_SECONDS,
            "Vary": "Origin",
        },
    )


def _mark(headers: MutableHeaders, origin: str | None) -> None:
    headers["Cache-Control"] = "private, no-store"
    headers.add_vary_header("Origin")
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "Idempotent-Replayed"
