"""What is sent is what any library of the Standard Webhooks scheme takes, and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from billing.db.outbox import Fact
from billing.webhooks.signature import endpoint_secret, message_body, message_headers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


def fact(payload: dict[str, Any]) -> Fact:
    """A fact of a moment that can be read."""
    return Fact(id="evt_1", kind="invoice.paid", payload=payload, at=datetime(2026, 1, 31, 9, tzinfo=UTC))


def test_the_specifications_own_example() -> None:
    """Its secret, message and signature, as it prints them."""
    body = b'{"event_type":"ping","data":{"success":true}}'
    at = datetime.fromtimestamp(1731705121, UTC)

    headers = message_headers("msg_loFOjxBNrRLzqYUf", body, ["whsec_plJ3nmyCDGBKInavdOK15jsl"], at)

    assert headers["webhook-id"] == "msg_loFOjxBNrRLzqYUf"
    assert headers["webhook-timestamp"] == "1731705121"
    assert headers["webhook-signature"] == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=4), st.binary(min_size=1, max_size=40))
def test_both_secrets_of_a_rotation_verify_and_a_stranger_does_not(
    payload: dict[str, Any], installation: bytes
) -> None:
    """Checked by the public library and by the formula: base64 of HMAC-SHA256 over id, time and body."""
    new, old, other = (endpoint_secret(installation, "ten_1", name, 1) for name in ("whe_2", "whe_1", "whe_3"))
    body, now = message_body(fact(payload)), datetime.now(UTC)  # the library looks at the machine's clock

    headers = message_headers("evt_1", body, [new, old], now)

    for secret in (new, old):
        assert Webhook(secret).verify(body, headers)["data"] == payload
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = hmac.digest(key, f"evt_1.{int(now.timestamp())}.".encode() + body, hashlib.sha256)
        assert f"v1,{base64.b64encode(signed).decode()}" in headers["webhook-signature"].split(" ")
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


def test_a_secret_is_of_one_installation_tenant_endpoint_and_generation() -> None:
    """32 bytes, all different, the same each time it is asked for."""
    asked = [(b"a", "ten_1", "whe_1", 1), (b"b", "ten_1", "whe_1", 1), (b"a", "ten_2", "whe_1", 1)]
    asked += [(b"a", "ten_1", "whe_2", 1), (b"a", "ten_1", "whe_1", 2)]
    secrets = [endpoint_secret(*each) for each in asked]
    assert len(set(secrets)) == 5
    assert secrets == [endpoint_secret(*each) for each in asked]
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}


def test_the_body_says_what_when_and_about_whom() -> None:
    """Keys in order, so that the bytes are the same whatever order an engine keeps them in."""
    assert message_body(fact({"b": 1, "a": "12.00"})) == (
        b'{"data":{"a":"12.00","b":1},"timestamp":"2026-01-31T09:00:00Z","type":"invoice.paid"}'
    )
    assert message_body(fact({"b": 1, "a": 2})) == message_body(fact({"a": 2, "b": 1}))
