"""What is sent, and the proof of who sent it: Standard Webhooks, symmetric (`v1`). Pure.

No secret is stored: each is derived from the installation's secret, the tenant, the endpoint and a generation that rotation counts up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

import orjson
from standardwebhooks import Webhook

from billing.kernel.clock import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.outbox import Fact

_PREFIX = "whsec_"
USER_AGENT = "Uptier-Webhooks/1"


def endpoint_secret(installation_secret: bytes, tenant_id: str, endpoint_id: str, generation: int) -> str:
    """The secret of an endpoint in one generation: 32 bytes, written as the specification asks."""
    name = f"webhook-endpoint:{tenant_id}:{endpoint_id}:{generation}"
    return _PREFIX + base64.b64encode(hmac.digest(installation_secret, name.encode(), hashlib.sha256)).decode()


def message_body(fact: Fact) -> bytes:
    """The bytes that tell of a fact, the same at every attempt and on every engine."""
    document = {"data": fact.payload, "timestamp": format_instant(fact.at), "type": fact.kind}
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def message_headers(message_id: str, body: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers beside `body` when it is sent at `at`: one signature for each secret that is in use."""
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
