"""What a flag server does for one request, as small as it can be: fifty flags hashed with MurmurHash3 and written as JSON, twice.

`bare` is a plain ASGI application, `framework` the same as a route of FastAPI: the two ends between which a service in Python lies when it
keeps nothing, prices nothing and asks no database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from sklearn.utils import murmurhash3_32

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

FLAGS = tuple(f"flag_{number:02d}" for number in range(50))
_HALF = 2**31
framework = FastAPI(docs_url=None, redoc_url=None)


def evaluated(body: bytes) -> bytes:
    """Fifty flags of the customer that a body names."""
    customer = orjson.loads(body)["customer"]
    flags = [{"key": flag, "value": murmurhash3_32(f"{flag}:{customer}", positive=True) < _HALF} for flag in FLAGS]
    return orjson.dumps({"flags": flags})


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The least: read the body, evaluate, answer."""
    if scope["type"] != "http":
        return
    parts, more = [], True
    while more:
        message: Any = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    answer = evaluated(b"".join(parts))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@framework.post("/v1/decisions")
async def decide(request: Request) -> Response:
    """The same behind a framework's routing."""
    return Response(evaluated(await request.body()), media_type="application/json")
