"""The gate for whole routes: a web server such as nginx asks by `auth_request` before it passes a call on.

The web server sends its secret key, and whom and what the call is about, in headers; the answer is a status and headers (and with a no
the usual problem document, which web servers throw away).
204 lets the call through. 403 is a no of any kind, also to a question that cannot be answered (an unknown customer or feature), since
the web server would take any other status for a failure of ours. 401 is said of a key or customer's token that is not good. While the
database is away, keys that this process has seen good stay good, and features answer by their own choice of failing open or closed.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from billing.kernel.clock import format_instant
from billing.kernel.errors import InvalidError, NotFoundError
from billing.kernel.money import format_quantity
from billing.tenants.keys import BadKeyError
from serving.api.context import ForbiddenKeyError
from serving.api.errors import problem
from serving.predict.denials import note_denial
from serving.telemetry import ACCESS
from serving.tokens import CustomerTokenError, customer_of, signing_secret
from serving.wiring import Services

if TYPE_CHECKING:
    from billing.entitlements.access import Access
    from billing.tenants.authenticate import Principal

router = APIRouter(prefix="/v1/auth-request", tags=["access"])
MOST_CHARACTERS = 200
MOST_UNITS = 10**12
_ANSWERS: dict[int | str, dict[str, Any]] = {
    204: {"description": "The call may pass."},
    401: {"description": "The key or the customer's token is missing or not good."},
    403: {"description": "The call may not pass; `X-Uptier-Reason` says why."},
}


class _QuestionError(InvalidError):
    """The headers do not say whom or what the call is about."""

    code = "bad_question"


@router.get("", status_code=204, response_class=Response, responses=_ANSWERS)
@router.head("", status_code=204, response_class=Response, include_in_schema=False)
def ask(request: Request) -> Response:
    """Whether a call may pass, as `auth_request` of nginx asks it.

    Headers: `Authorization` with a secret key, `X-Uptier-Feature`, the customer's key in `X-Uptier-Customer` or their token in
    `X-Customer-Token` (both must agree), and `X-Uptier-Quantity` for more than one unit. The answer's headers are `X-Uptier-Reason`,
    `-Limit`, `-Remaining`, `-Resets-At`, `-Unlock` (as `plan:pro,addon:extra`, cheapest change first) and `-As-Of`.
    """
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 (set by the app factory)
    try:
        principal = _principal(request, services)
        customer = _customer(request, services, principal)
        feature, quantity = _feature(request), _quantity(request)
        now = principal.tenant.now(services.clock.now())
        answer = services.gate.check(principal.scope, customer, feature, now, quantity)
    except (BadKeyError, CustomerTokenError) as error:
        return _no(401, error.code, error.detail, {"X-Uptier-Reason": error.code})
    except (ForbiddenKeyError, InvalidError, NotFoundError) as error:
        return _no(403, error.code, error.detail, {"X-Uptier-Reason": error.code})
    ACCESS.labels(answer.reason.value).inc()
    if answer.allowed:
        return Response(status_code=204, headers=_headers(answer))
    note_denial(services.counters, principal.tenant.id, answer.customer, answer.feature, now=now)
    services.cards.drop(principal.tenant.id, answer.customer)
    return _no(403, answer.reason.value, "the customer may not use this now", _headers(answer))


def _no(status: int, code: str, detail: str, headers: dict[str, str]) -> Response:
    answer = problem(status, code, detail)
    answer.headers.update(headers)
    return answer


def _principal(request: Request, services: Services) -> Principal:
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented:
        raise BadKeyError("send your key as 'Authorization: Bearer upt_sk_...'")
    principal = services.keys.principal(presented.strip())
    if not principal.is_secret:
        raise ForbiddenKeyError("a publishable key may not do this; set a secret key in the web server's configuration")
    return principal


def _customer(request: Request, services: Services, principal: Principal) -> str:
    """The customer that is named or proven; who is neither has not said who they are."""
    named, token = request.headers.get("x-uptier-customer", ""), request.headers.get("x-customer-token", "")
    if not token:
        if not named:
            raise CustomerTokenError("the call names no customer")
        return _short(named, "X-Uptier-Customer")
    secret = signing_secret(services.secret, principal.tenant.id)
    proven = customer_of(secret, token, now=services.clock.now())
    if named and named != proven:
        raise CustomerTokenError("the customer token speaks for another customer")
    return proven


def _feature(request: Request) -> str:
    found = request.headers.get("x-uptier-feature", "")
    if not found:
        raise _QuestionError("name the feature in X-Uptier-Feature")
    return _short(found, "X-Uptier-Feature")


def _quantity(request: Request) -> Decimal:
    given = request.headers.get("x-uptier-quantity", "") or "1"
    try:
        found = Decimal(given)
    except InvalidOperation:
        raise _QuestionError("X-Uptier-Quantity is a number") from None
    if not found.is_finite() or not 0 <= found <= MOST_UNITS:
        raise _QuestionError(f"X-Uptier-Quantity is from 0 to {MOST_UNITS}")
    return found


def _short(text: str, name: str) -> str:
    """The text of a header, which carries UTF-8 as the web server passed it on."""
    if len(text) > MOST_CHARACTERS:
        raise _QuestionError(f"{name} has at most {MOST_CHARACTERS} characters")
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise _QuestionError(f"{name} is not UTF-8") from None


def _headers(answer: Access) -> dict[str, str]:
    told = {
        "X-Uptier-Reason": answer.reason.value,
        "X-Uptier-Limit": None if answer.limit is None else str(answer.limit),
        "X-Uptier-Remaining": None if answer.remaining is None else format_quantity(answer.remaining),
        "X-Uptier-Resets-At": None if answer.resets_at is None else format_instant(answer.resets_at),
        "X-Uptier-Unlock": ",".join(f"{each.kind}:{quote(each.key, safe='')}" for each in answer.unlock) or None,
        "X-Uptier-As-Of": format_instant(answer.as_of),
        "Cache-Control": "no-store",
    }
    return {name: value for name, value in told.items() if value is not None}
