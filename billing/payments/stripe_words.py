"""What Stripe's objects mean to us: payment intents, refunds, disputes and events, read from their JSON. Pure.

Recorded shapes of these objects are in the tests. Source: Stripe's API reference and its page "Decline codes".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from billing.payments.provider import (
    MAX_REFERENCE,
    Declined,
    EventKind,
    Outcome,
    Pending,
    ProviderEvent,
    Succeeded,
)
from billing.payments.stripe_amounts import from_stripe

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPT, REFUND = "uptier_attempt", "uptier_refund"
"""Names in Stripe's metadata under which our keys stand."""

_FOR_EVER = frozenset(
    """authentication_required card_not_supported currency_not_supported do_not_honor_permanently expired_card fraudulent
    incorrect_number invalid_account invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number lost_card
    merchant_blacklist new_account_information_available no_such_account pickup_card restricted_card
    revocation_of_all_authorizations revocation_of_authorization security_violation stolen_card stop_payment_order
    testmode_decline transaction_not_allowed payment_method_customer_decline amount_too_small amount_not_representable
    payment_intent_authentication_failure resource_missing payment_method_unexpected_state""".split()
)
_WAITING = frozenset({"processing", "requires_action", "requires_confirmation", "requires_capture"})
_DISPUTES = {"won": EventKind.DISPUTE_WON, "lost": EventKind.DISPUTE_LOST}
_CHARGES = frozenset({"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"})
_REFUNDS = frozenset({"refund.updated", "refund.failed", "charge.refund.updated"})


def may_work_later(code: str) -> bool:
    """Whether the same card may be taken another day."""
    return code not in _FOR_EVER


def decline(error: Mapping[str, Any], reference: str | None = None) -> Declined:
    """From the `error` of an answer, or the `last_payment_error` of an intent: a bank's own code tells more than Stripe's."""
    code = str(error.get("decline_code") or error.get("code") or "declined")[:MAX_REFERENCE]
    if error.get("code") == "authentication_required":
        code = "authentication_required"
    return Declined(code=code, retryable=may_work_later(code), reference=reference)


def intent_outcome(intent: Mapping[str, Any]) -> Outcome:
    """What a payment intent says about the money."""
    reference, status = str(intent["id"]), str(intent["status"])
    if status == "succeeded":
        units = intent.get("amount_received")
        amount = from_stripe(int(intent["amount"] if units is None else units), str(intent["currency"]))
        return Succeeded(reference=reference, amount=amount)
    if status in _WAITING:
        return Pending(reference=reference, action=status)
    if status == "canceled":
        return Declined(code="canceled", retryable=True, reference=reference)
    return decline(intent.get("last_payment_error") or {}, reference)


def refund_outcome(refund: Mapping[str, Any]) -> Outcome:
    """What a refund says about the money."""
    reference, status = str(refund["id"]), str(refund["status"])
    if status == "succeeded":
        return Succeeded(reference=reference, amount=from_stripe(int(refund["amount"]), str(refund["currency"])))
    if status in {"pending", "requires_action"}:
        return Pending(reference=reference, action=status)
    return Declined(code=str(refund.get("failure_reason") or status), retryable=False, reference=reference)


def event(document: Mapping[str, Any]) -> ProviderEvent:
    """A message whose signature was checked."""
    name, thing = str(document["type"])[:200], document["data"]["object"]
    plain = ProviderEvent(id=str(document["id"])[:200], name=name, document=document, kind=EventKind.OTHER)
    metadata = thing.get("metadata") or {}
    if name in _CHARGES:
        return replace(plain, kind=EventKind.CHARGE, key=metadata.get(ATTEMPT), outcome=intent_outcome(thing))
    if name in _REFUNDS:
        return replace(plain, kind=EventKind.REFUND, key=metadata.get(REFUND), outcome=refund_outcome(thing))
    kind = _dispute_kind(name, str(thing.get("status")))
    return plain if kind is EventKind.OTHER else _dispute(replace(plain, kind=kind), thing)


def _dispute(told: ProviderEvent, thing: Mapping[str, Any]) -> ProviderEvent:
    moves = thing.get("balance_transactions") or []
    fee = sum(int(move.get("fee") or 0) for move in moves)
    currency = str(moves[0].get("currency") or thing["currency"]) if moves else str(thing["currency"])
    return replace(
        told,
        charge=thing.get("payment_intent"),
        dispute=str(thing["id"]),
        amount=from_stripe(int(thing["amount"]), str(thing["currency"])),
        fee=from_stripe(max(fee, 0), currency),
    )


def _dispute_kind(name: str, status: str) -> EventKind:
    """Inquiries (`warning_...`) move no money and are only kept."""
    if name == "charge.dispute.created" and not status.startswith("warning"):
        return EventKind.DISPUTE_OPENED
    if name == "charge.dispute.closed":
        return _DISPUTES.get(status, EventKind.OTHER)
    return EventKind.OTHER
