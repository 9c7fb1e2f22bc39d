"""Objects as Stripe's API reference shows them, cut to what we read: for what localstripe has not: disputes, bank codes, events."""

from __future__ import annotations

from typing import Any


def intent(status: str, **changes: Any) -> dict[str, Any]:
    """A payment intent."""
    return {
        "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "object": "payment_intent",
        "amount": 2000,
        "amount_received": 2000 if status == "succeeded" else 0,
        "currency": "eur",
        "customer": "cus_NffrFeUfNV2Hib",
        "last_payment_error": None,
        "metadata": {"uptier_attempt": "pat_1", "uptier_invoice": "inv_1"},
        "status": status,
        **changes,
    }


def payment_error(code: str, decline_code: str | None = None) -> dict[str, Any]:
    """The error of an intent, or of an answer with status 402."""
    found = {"code": code, "message": "Your card was declined.", "type": "card_error"}
    return found if decline_code is None else {**found, "decline_code": decline_code}


def refund(status: str, **changes: Any) -> dict[str, Any]:
    """A refund."""
    return {
        "id": "re_1Nispe2eZvKYlo2Cd31jOCgZ",
        "object": "refund",
        "amount": 1000,
        "currency": "eur",
        "metadata": {"uptier_refund": "ref_1"},
        "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "status": status,
        **changes,
    }


def dispute(status: str) -> dict[str, Any]:
    """A dispute, with the balance transaction that took the money and the fee."""
    return {
        "id": "du_1MtJUT2eZvKYlo2CNaw2HvEv",
        "object": "dispute",
        "amount": 2000,
        "balance_transactions": [{"amount": -2000, "currency": "eur", "fee": 1500, "net": -3500}],
        "charge": "ch_1AZtxr2eZvKYlo2CJDX8whov",
        "currency": "eur",
        "metadata": {},
        "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "reason": "general",
        "status": status,
    }


def event(name: str, thing: dict[str, Any]) -> dict[str, Any]:
    """An event."""
    return {
        "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
        "object": "event",
        "api_version": "2026-01-28",
        "created": 1686089970,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 0,
        "type": name,
    }
