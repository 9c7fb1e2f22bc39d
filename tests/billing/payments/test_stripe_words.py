"""What Stripe's objects mean, by the shapes of its reference: outcomes, codes, disputes, signed events, and amounts in every currency."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money
from billing.payments import stripe_words
from billing.payments.provider import Declined, EventKind, Pending, SignatureError, Succeeded
from billing.payments.signatures import signature_header
from billing.payments.stripe_amounts import UncountableError, from_stripe, to_stripe
from billing.payments.stripe_provider import StripeProvider
from tests.billing.payments.stripe_shapes import dispute, event, intent, payment_error, refund

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
SECRET = "whsec_of_a_test"
CURRENCIES = ["EUR", "USD", "JPY", "KWD", "ISK", "UGX", "MGA", "HUF", "TND", "CLP"]


@given(minor=st.integers(1, 10**9), currency=st.sampled_from(CURRENCIES))
def test_an_amount_goes_there_and_back_or_is_refused(minor: int, currency: str) -> None:
    """Never rounded: what Stripe cannot count is an error."""
    amount = Money(minor, currency)
    try:
        units = to_stripe(amount)
    except UncountableError:
        assert (currency == "MGA" and minor % 100) or (currency in {"KWD", "TND"} and minor % 10)
        return
    assert from_stripe(units, currency.lower()) == amount


def test_an_intent_says_whether_money_moved() -> None:
    """By its status; what was received counts, not what was asked."""
    assert stripe_words.intent_outcome(intent("succeeded", amount_received=1500)) == Succeeded(
        reference="pi_3MtwBwLkdIwHu7ix28a3tqPa", amount=Money(1500, "EUR")
    )
    for status in ("processing", "requires_action", "requires_confirmation", "requires_capture"):
        assert isinstance(stripe_words.intent_outcome(intent(status)), Pending)
    assert isinstance(stripe_words.intent_outcome(intent("canceled")), Declined)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (payment_error("card_declined", "insufficient_funds"), "insufficient_funds", True),
        (payment_error("card_declined", "generic_decline"), "generic_decline", True),
        (payment_error("card_declined", "stolen_card"), "stolen_card", False),
        (payment_error("expired_card", "expired_card"), "expired_card", False),
        (payment_error("authentication_required", "authentication_required"), "authentication_required", False),
        (payment_error("processing_error"), "processing_error", True),
        (None, "declined", True),
    ],
)
def test_the_banks_code_says_whether_another_day_helps(
    error: dict[str, Any] | None,
    code: str,
    retryable: bool,  # noqa: FBT001 (a column of the table above)
) -> None:
    """Lost, stolen and expired cards are not tried again; empty accounts are."""
    found = stripe_words.intent_outcome(intent("requires_payment_method", last_payment_error=error))

    assert isinstance(found, Declined)
    assert (found.code, found.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("name", "thing", "kind"),
    [
        ("payment_intent.succeeded", intent("succeeded"), EventKind.CHARGE),
        ("payment_intent.payment_failed", intent("requires_payment_method"), EventKind.CHARGE),
        ("refund.updated", refund("succeeded"), EventKind.REFUND),
        ("refund.failed", refund("failed", failure_reason="expired_or_canceled_card"), EventKind.REFUND),
        ("charge.dispute.created", dispute("needs_response"), EventKind.DISPUTE_OPENED),
        ("charge.dispute.created", dispute("warning_needs_response"), EventKind.OTHER),
        ("charge.dispute.closed", dispute("won"), EventKind.DISPUTE_WON),
        ("charge.dispute.closed", dispute("lost"), EventKind.DISPUTE_LOST),
        ("charge.dispute.closed", dispute("warning_closed"), EventKind.OTHER),
        ("customer.created", {"id": "cus_1", "object": "customer"}, EventKind.OTHER),
    ],
)
def test_a_signed_event_is_read(name: str, thing: dict[str, Any], kind: EventKind) -> None:
    """Through the signature, Stripe's own library and our words for it."""
    body = json.dumps(event(name, thing)).encode()
    provider = StripeProvider(key="sk_test_1", webhook_secret=SECRET)
    headers = {"stripe-signature": signature_header(SECRET.encode(), body, NOW)}

    found = provider.parse_webhook(headers, body, now=NOW + timedelta(seconds=299))

    assert (found.id, found.name, found.kind) == ("evt_1NG8Du2eZvKYlo2CUI79vXWy", name, kind)
    if kind is EventKind.CHARGE:
        assert found.key == "pat_1"
    if kind is EventKind.REFUND:
        assert found.key == "ref_1"
    if kind in {EventKind.DISPUTE_OPENED, EventKind.DISPUTE_WON, EventKind.DISPUTE_LOST}:
        assert (found.amount, found.fee) == (Money(2000, "EUR"), Money(1500, "EUR"))
        assert found.charge == "pi_3MtwBwLkdIwHu7ix28a3tqPa"


def test_an_event_of_another_secret_or_another_day_is_refused() -> None:
    """And what is signed but no event is an error that says so."""
    provider = StripeProvider(key="sk_test_1", webhook_secret=SECRET)
    body = json.dumps(event("payment_intent.succeeded", intent("succeeded"))).encode()
    for secret, at in ((b"whsec_other", NOW), (SECRET.encode(), NOW - timedelta(seconds=301))):
        with pytest.raises(SignatureError):
            provider.parse_webhook({"stripe-signature": signature_header(secret, body, at)}, body, now=NOW)
    for broken in (b"[]", b"{}", b"nonsense", b'{"id": 1, "type": "payment_intent.succeeded", "data": {}}'):
        with pytest.raises(InvalidError):
            provider.parse_webhook(
                {"stripe-signature": signature_header(SECRET.encode(), broken, NOW)}, broken, now=NOW
            )


def test_a_refund_says_what_became_of_it() -> None:
    """Succeeded, waiting or failed."""
    assert stripe_words.refund_outcome(refund("succeeded")) == Succeeded(
        reference="re_1Nispe2eZvKYlo2Cd31jOCgZ", amount=Money(1000, "EUR")
    )
    assert isinstance(stripe_words.refund_outcome(refund("pending")), Pending)
    failed = stripe_words.refund_outcome(refund("failed", failure_reason="lost_or_stolen_card"))
    assert isinstance(failed, Declined)
    assert failed.code == "lost_or_stolen_card"
