"""The files that pages and shops load: our style, our scripts and the widget, read once from the package and never from elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its media type, and a fingerprint that changes with them."""

    body: bytes
    media_type: str
    fingerprint: str


def _read(package: str, name: str) -> Asset:
    body = files(package).joinpath("static", name).read_bytes()
    kind = _TYPES[name[name.rindex(".") :]]
    return Asset(body, f"{kind}; charset=utf-8", hashlib.sha256(body).hexdigest()[:16])


ASSETS: Final = {name: _read("serving.web", name) for name in ("uptier.css", "shop.js", "icon.svg")}
WIDGET: Final = _read("serving.widget", "uptier.js")


def address(name: str) -> str:
    """Where a page finds a file; the fingerprint in it lets a browser keep the file until it changes."""
    return f"/static/{name}?v={ASSETS[name].fingerprint}"


@router.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """One of our own files."""
    if name not in ASSETS:
        raise HTTPException(404, "there is no such file")
    return _answer(ASSETS[name], request, cached_seconds=86_400)


@router.get("/widget.js")
def widget(request: Request) -> Response:
    """The web components for a shop's pages, loaded with one script tag from any origin."""
    return _answer(WIDGET, request, cached_seconds=300)


def _answer(asset: Asset, request: Request, *, cached_seconds: int) -> Response:
    tag = f'"{asset.fingerprint}"'
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={cached_seconds}",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
