"""The protocol's routes as one bare ASGI application: a gate is asked too often for a framework's overhead.

| request | answer |
|---|---|
| POST /ofrep/v1/evaluate/flags/{key} | 200 a flag; 404 FLAG_NOT_FOUND |
| POST /ofrep/v1/evaluate/flags | 200 all flags with an ETag of this customer's results; 304 |
| GET /ofrep/v1/stream/{token} | server-sent events; 401; 503 when too many are open |

Faults of the question are 400 (PARSE_ERROR, TARGETING_KEY_MISSING, INVALID_CONTEXT, which a customer that is not known is too), of the
key or the customer's token 401, of the page's origin 403. Nothing here is ever answered with 429, since one such answer makes the
clients answer every flag with its default. 503 is answered while the database is away to a key that this process has never seen good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sqlalchemy.exc import SQLAlchemyError

from billing.kernel.errors import UptierError
from serving.ofrep.answering import cors, of_json, preflight, say
from serving.ofrep.asking import FaultError, GoneError, fault_of, parse, whole_body
from serving.ofrep.evaluate import STREAM_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from billing.tenants.authenticate import Principal
    from serving.ofrep.asking import Asked
    from serving.ofrep.evaluate import Evaluator
    from serving.ofrep.streams import Streams

_ROOT = "/ofrep/v1/"
_ALL = "/ofrep/v1/evaluate/flags"
_ONE = "/ofrep/v1/evaluate/flags/"


@dataclass(frozen=True, slots=True)
class _Route:
    """What the metrics call a request."""

    path: str


_ROUTE_ALL, _ROUTE_ONE, _ROUTE_STREAM = _Route(_ALL), _Route(f"{_ONE}{{key}}"), _Route(f"{STREAM_PATH}{{token}}")


class Ofrep:
    """ASGI middleware that answers the protocol's paths and passes everything else on."""

    def __init__(self, app: ASGIApp, evaluator: Evaluator, streams: Streams) -> None:
        self._app = app
        self._evaluator = evaluator
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(_ROOT):
            await self._app(scope, receive, send)
        elif path == _ALL:
            await self._asked(None, _ROUTE_ALL, scope, receive, send)
        elif path.startswith(_ONE) and len(path) > len(_ONE):
            await self._asked(path[len(_ONE) :], _ROUTE_ONE, scope, receive, send)
        elif path.startswith(STREAM_PATH) and len(path) > len(STREAM_PATH):
            await self._listened(path[len(STREAM_PATH) :], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _asked(self, key: str | None, route: _Route, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = route
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] != "POST":
            await _other_method(b"POST", headers, scope, send)
            return
        try:
            body = await whole_body(receive)
            principal = await self._evaluator.principal(headers)
            asked = parse(body)
            self._evaluator.vouch(principal, asked, headers, scope)
            if key is None:
                await self._all(principal, asked, headers, scope, send)
            else:
                answer = await self._evaluator.one(principal, asked, key)
                await say(send, 200, [*of_json(200), *cors(headers)], answer)
        except GoneError:
            return
        except (FaultError, UptierError, SQLAlchemyError) as error:
            await _refuse(error, key, headers, send)

    async def _all(
        self, principal: Principal, asked: Asked, headers: Mapping[bytes, bytes], scope: Scope, send: Send
    ) -> None:
        told = _told(scope["query_string"])
        page, tag, now = await self._evaluator.page(principal, asked, told)
        tagged = [(b"etag", tag.encode()), *cors(headers)]
        if _matches(headers.get(b"if-none-match", b""), tag):
            await say(send, 304, tagged, b"")
        else:
            await say(send, 200, [*of_json(200), *tagged], self._evaluator.rendered(page, now))

    async def _listened(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = _ROUTE_STREAM
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if scope["method"] not in {"GET", "HEAD"}:
            await _other_method(b"GET", headers, scope, send)
            return
        try:
            await self._streams.serve(token, headers, scope, receive, send)
        except (FaultError, UptierError) as error:
            await _refuse(error, None, headers, send)


async def _other_method(allowed: bytes, headers: Mapping[bytes, bytes], scope: Scope, send: Send) -> None:
    if scope["method"] == "OPTIONS":
        await say(send, 204, preflight(headers, allowed), b"")
        return
    fault = FaultError(405, "GENERAL", f"ask by {allowed.decode()}")
    await say(send, 405, [*of_json(405), (b"allow", allowed + b", OPTIONS"), *cors(headers)], fault.body(None))


async def _refuse(error: Exception, key: str | None, headers: Mapping[bytes, bytes], send: Send) -> None:
    fault = fault_of(error)
    await say(send, fault.status, [*of_json(fault.status), *cors(headers)], fault.body(key))


def _told(query: bytes) -> str:
    """The tag that a stream told the caller of. `flagConfigLastModified` is taken and not needed, since our streams send tags."""
    return parse_qs(query.decode("latin-1")).get("flagConfigEtag", [""])[0] if query else ""


def _matches(given: bytes, tag: str) -> bool:
    """Whether an If-None-Match has a tag, which proxies may have marked as weak.

    >>> _matches(b'W/"a", "b"', '"b"'), _matches(b'"a"', '"b"')
    (True, False)
    """
    if not given:
        return False
    known = {each.strip().removeprefix("W/") for each in given.decode("latin-1").split(",")}
    return tag in known or "*" in known
