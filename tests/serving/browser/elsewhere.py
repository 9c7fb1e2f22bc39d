"""A shop's own web server, on another origin than Uptier: one static page that carries the widget."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from billing.db.session import Database
from billing.tenants.create import add_key
from billing.tenants.keys import KeyKind
from serving.tokens import sign, signing_secret
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serving.web.prepared import Ready

_PAGE = """<!doctype html><html lang="en"><title>Elsewhere</title><script src="{api}/widget.js" async></script>
<link rel="icon" href="data:,">
<uptier-offer publishable-key="{key}" customer-token="{token}" placement="elsewhere"></uptier-offer>
<uptier-recommendations publishable-key="{key}" customer-token="{token}" placement="elsewhere"></uptier-recommendations>
"""


@contextmanager
def shop_page(api: str, ready: Ready, customer: str) -> Iterator[str]:
    """The address of the page, served until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    origin = f"http://127.0.0.1:{server.server_port}"
    body = _page(api, ready, customer, origin).encode()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _page(api: str, ready: Ready, customer: str, origin: str) -> str:
    database = Database(ready.settings.resolved_database_url)
    with database.unit(ready.scope) as unit:
        key = add_key(unit, KeyKind.PUBLISHABLE, now=START, origins=[origin])
    database.close()
    secret = signing_secret(ready.settings.signing_secret(), ready.scope.tenant_id)
    return _PAGE.format(api=api, key=key, token=sign(secret, customer, now=datetime.now(UTC)))
