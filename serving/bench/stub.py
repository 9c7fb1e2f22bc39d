"""The least an answer over HTTP can cost here: an application that reads the body and sends prepared bytes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_ONE = b'{"key":"flag_00","value":true,"variant":"plan:bench","reason":"STATIC","metadata":{"why":"granted"}}'
_BULK = b'{"flags":[' + b",".join([_ONE] * 50) + b"]}"
_HEADERS = {
    answer: [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    for answer in (_ONE, _BULK)
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a flag, or fifty of them."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = _BULK if scope["path"].endswith("/flags") else _ONE
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS[body]})
    await send({"type": "http.response.body", "body": body})
