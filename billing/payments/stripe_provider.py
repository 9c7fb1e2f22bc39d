"""Stripe: payment intents confirmed while the customer is away, with our keys as idempotency keys and in the metadata.

Stripe remembers idempotency keys for a day, its metadata for ever; so `lookup` lists the customer's intents and finds ours by its metadata.
An answer that says that nothing was taken is a decline; no answer, or one about Stripe's own trouble, is no answer.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import stripe

from billing.kernel.errors import InvalidError
from billing.payments import stripe_words
from billing.payments.provider import (
    Attached,
    Declined,
    MethodRefusedError,
    ProviderUnavailableError,
    SignatureError,
)
from billing.payments.signatures import check_signature
from billing.payments.stripe_amounts import UncountableError, to_stripe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.payments.provider import ChargeRequest, Outcome, ProviderEvent, RefundRequest

NAME = "stripe"
SIGNATURE_HEADER = "stripe-signature"
TIMEOUT_SECONDS = 30
_PAGE = 100
_SLACK = timedelta(hours=1)  # how far Stripe's clock may be behind ours
_BUSY = frozenset({409, 429})  # another request with this key is at work, or there were too many


class StripeProvider:
    """One Stripe account, live or in test mode, as the key says."""

    def __init__(self, *, key: str, webhook_secret: str, address: str = "") -> None:
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": address} if address else None,
            max_network_retries=0,  # an answer that was lost is recovered by us
            http_client=stripe.HTTPXClient(timeout=TIMEOUT_SECONDS, allow_sync_methods=True),
        )

    @property
    def name(self) -> str:
        """`stripe`."""
        return NAME

    def attach(self, *, customer: str, account: str | None, token: str) -> Attached:
        """Keep a payment method that Stripe's elements made in the customer's browser."""
        try:
            if account is None:
                made = self._client.v1.customers.create(
                    {"metadata": {"uptier_customer": customer}}, {"idempotency_key": f"account:{customer}"}
                )
                account = made.id
            method = self._client.v1.payment_methods.attach(token, {"customer": account})
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            raise MethodRefusedError("Stripe will not keep this payment method", reason=_code(error)) from error
        except stripe.StripeError as error:
            raise _away(error) from error
        return Attached(token=method.id, account=account, label=_label(_plain(method)))

    def charge(self, request: ChargeRequest) -> Outcome:
        """Take money off session, at most once a key."""
        try:
            made = self._client.v1.payment_intents.create(
                {
                    "amount": to_stripe(request.amount),
                    "currency": request.amount.currency.lower(),
                    "customer": request.account,
                    "payment_method": request.token,
                    "confirm": True,
                    "off_session": True,
                    "metadata": {stripe_words.ATTEMPT: request.key, "uptier_invoice": request.invoice},
                },
                {"idempotency_key": request.key},
            )
        except UncountableError as error:
            return Declined(code=error.code, retryable=False)
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            return _refused(error)
        except stripe.StripeError as error:
            raise _away(error) from error
        return stripe_words.intent_outcome(_plain(made))

    def lookup(self, request: ChargeRequest) -> Outcome | None:
        """The customer's intent that carries our key."""
        since = int((request.at - _SLACK).timestamp())
        try:
            found = self._client.v1.payment_intents.list(
                {"customer": request.account, "limit": _PAGE, "created": {"gte": since}}
            )
            for intent in found.auto_paging_iter():
                plain = _plain(intent)
                if (plain.get("metadata") or {}).get(stripe_words.ATTEMPT) == request.key:
                    return stripe_words.intent_outcome(plain)
        except stripe.StripeError as error:
            raise _away(error) from error
        return None

    def refund(self, request: RefundRequest) -> Outcome:
        """Give a part of an intent's money back, at most once a key."""
        try:
            made = self._client.v1.refunds.create(
                {
                    "payment_intent": request.charge,
                    "amount": to_stripe(request.amount),
                    "metadata": {stripe_words.REFUND: request.key},
                },
                {"idempotency_key": request.key},
            )
        except UncountableError as error:
            return Declined(code=error.code, retryable=False)
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            return Declined(code=_code(error), retryable=False)
        except stripe.StripeError as error:
            raise _away(error) from error
        return stripe_words.refund_outcome(_plain(made))

    def lookup_refund(self, request: RefundRequest) -> Outcome | None:
        """The intent's refund that carries our key."""
        try:
            found = self._client.v1.refunds.list({"payment_intent": request.charge, "limit": _PAGE})
            for refund in found.auto_paging_iter():
                plain = _plain(refund)
                if (plain.get("metadata") or {}).get(stripe_words.REFUND) == request.key:
                    return stripe_words.refund_outcome(plain)
        except stripe.StripeError as error:
            raise _away(error) from error
        return None

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """Check the signature, its age by our clock, and read the event."""
        header = headers.get(SIGNATURE_HEADER, "")
        if not self._webhook_secret:
            raise SignatureError("no secret is set for messages from Stripe")
        check_signature(self._webhook_secret.encode(), header, body, now=now)
        try:
            stripe.Webhook.construct_event(body, header, self._webhook_secret, tolerance=0)  # its age was checked
            return stripe_words.event(json.loads(body))
        except stripe.SignatureVerificationError as error:
            raise SignatureError("the signature is not of this message") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidError("the message cannot be read") from error


def _refused(error: stripe.CardError | stripe.InvalidRequestError) -> Outcome:
    """No money was taken. Where Stripe tells the intent that it made, its name is kept."""
    if error.http_status in _BUSY:
        raise _away(error) from error
    answer: Any = error.json_body or {}
    body: dict[str, Any] = answer.get("error") or {}
    intent = body.get("payment_intent") or {}
    return stripe_words.decline(body, intent.get("id"))


def _code(error: stripe.StripeError) -> str:
    return str(error.code or error.http_status or "refused")


def _away(error: stripe.StripeError) -> ProviderUnavailableError:
    """Their trouble, our key's, or the network's: what became of the request is not known. Its text may hold secrets and stays out."""
    return ProviderUnavailableError(
        "Stripe gave no answer to rely on; what became of the request is looked up later",
        reason=type(error).__name__,
        status=error.http_status,
    )


def _plain(thing: Any) -> dict[str, Any]:
    """A Stripe object as JSON."""
    found: dict[str, Any] = thing.to_dict()
    return found


def _label(method: Mapping[str, Any]) -> str:
    """What people recognise: the brand and the last digits, nothing more."""
    kind = str(method.get("type") or "card")
    details = method.get(kind) or {}
    brand = str(details.get("brand") or kind).replace("_", " ").title()
    return f"{brand} ending in {details['last4']}" if details.get("last4") else brand
