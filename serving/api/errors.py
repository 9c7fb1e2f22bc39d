"""From an error's kind to an HTTP problem document (RFC 9457): `type`, `title`, `status`, `detail`, `code`, and the facts to act on."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from billing.kernel.errors import Kind, UptierError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

STATUS = {
    Kind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HEADERS = {
    HTTPStatus.UNAUTHORIZED.value: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE.value: {"Retry-After": "1"},
}
_LOG = structlog.get_logger("uptier.api")


def problem(status: int, code: str, detail: str, facts: dict[str, Any] | None = None) -> JSONResponse:
    """A problem document as a response."""
    title = HTTPStatus(status).phrase
    detail = detail.encode("utf-8", "backslashreplace").decode()
    body = {
        **(facts or {}),
        "type": f"urn:uptier:error:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    headers = _HEADERS.get(status)
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error, expected or not, with a problem document."""

    @app.exception_handler(UptierError)
    def _expected(_request: Request, error: UptierError) -> JSONResponse:
        return problem(STATUS[error.kind], error.code, error.detail, error.facts)

    @app.exception_handler(RequestValidationError)
    def _malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = [
            {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
            for item in error.errors()[:20]
        ]
        first = found[0] if found else {"field": "body", "message": "the request cannot be read"}
        detail = f"{first['field']}: {first['message']}"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, {"errors": found})

    @app.exception_handler(HTTPException)
    def _routing(_request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        return problem(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("unexpected error", path=request.url.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "something broke on our side; it was logged")
