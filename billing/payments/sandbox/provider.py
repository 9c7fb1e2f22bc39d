"""A provider that needs no network and forgets nothing: what it does is decided by the payment method's token.

    pm_ok                    takes the money
    pm_declined              declines, and may work another day
    pm_stolen                declines for ever
    pm_insufficient_then_ok  declines the first charge of an invoice, takes the second
    pm_timeout_after_charge  takes the money and loses the answer
    pm_unreachable           cannot be reached; no money moves
    pm_pending               waits for the customer, until `confirm` or `fail`
    pm_disputed              takes the money; the customer will dispute it (`dispute`)
    pm_refund_fails          takes the money and cannot give it back

A token may go on after a dot (`pm_ok.visa`), for several methods of one mood. Its books are rows of their own, committed by itself, so that
they survive the end of the process that asks, as a real provider's do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.payments.provider import (
    Attached,
    Declined,
    EventKind,
    MethodRefusedError,
    Outcome,
    Pending,
    ProviderEvent,
    ProviderUnavailableError,
    Succeeded,
)
from billing.payments.sandbox.store import TAKEN, Move, SandboxStore
from billing.payments.signatures import check_signature, signature_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database
    from billing.payments.provider import ChargeRequest, RefundRequest

NAME = "sandbox"
SIGNATURE_HEADER = "sandbox-signature"
DISPUTE_FEE_MINOR = 1500
MOODS = frozenset(
    {
        "pm_ok",
        "pm_declined",
        "pm_stolen",
        "pm_insufficient_then_ok",
        "pm_timeout_after_charge",
        "pm_unreachable",
        "pm_pending",
        "pm_disputed",
        "pm_refund_fails",
    }
)
_DECLINED, _PENDING = "declined", "pending"
_DECLINES = {
    "pm_declined": "card_declined",
    "pm_stolen": "stolen_card",
    "pm_insufficient_then_ok": "insufficient_funds",
}
_FINAL = frozenset({"stolen_card", "refund_failed", "authentication_failed"})
_DISPUTES = {
    "dispute.opened": EventKind.DISPUTE_OPENED,
    "dispute.won": EventKind.DISPUTE_WON,
    "dispute.lost": EventKind.DISPUTE_LOST,
}


class SandboxProvider:
    """The sandbox of one tenant; `secret` signs what it tells."""

    def __init__(self, database: Database, scope: Scope, *, secret: bytes) -> None:
        self._database = database
        self._scope = scope
        self._secret = secret

    @property
    def name(self) -> str:
        """`sandbox`."""
        return NAME

    def attach(self, *, customer: str, account: str | None, token: str) -> Attached:
        """Keep a method whose mood is known."""
        if _mood(token) not in MOODS or len(token) > 100:
            raise MethodRefusedError(f"the sandbox knows the tokens {', '.join(sorted(MOODS))}", token=token[:60])
        return Attached(token=token, account=account or f"acct_{customer}", label=f"Sandbox {token}")

    def charge(self, request: ChargeRequest) -> Outcome:
        """Take money as the token says, once a key."""
        mood = _mood(request.token)
        if mood == "pm_unreachable":
            raise ProviderUnavailableError("the sandbox plays dead")
        with self._database.unit(self._scope) as unit:
            store = SandboxStore(unit)
            known = store.by_key(request.key)
            move = known or store.make(self._new_charge(store, request, mood))
        if known is None and mood == "pm_timeout_after_charge":
            raise ProviderUnavailableError("the sandbox lost its answer")
        return _outcome(move)

    def lookup(self, request: ChargeRequest) -> Outcome | None:
        """What a key did."""
        if _mood(request.token) == "pm_unreachable":
            raise ProviderUnavailableError("the sandbox plays dead")
        return self._by_key(request.key)

    def refund(self, request: RefundRequest) -> Outcome:
        """Give money back, once a key and never more than was taken."""
        with self._database.unit(self._scope) as unit:
            store = SandboxStore(unit)
            charge = store.get(request.charge)
            if charge is None or charge.state != TAKEN:
                return Declined(code="charge_not_found", retryable=False)
            known = store.by_key(request.key)
            left = charge.amount.amount_minor - store.refunded(charge.id)
            if known is None and request.amount.amount_minor > left:
                return Declined(code="charge_already_refunded", retryable=False)
            fails = _mood(charge.token) == "pm_refund_fails"
            move = known or store.make(
                Move(
                    id=new_id("sre"),
                    key=request.key,
                    token=charge.token,
                    invoice=charge.invoice,
                    amount=request.amount,
                    state=_DECLINED if fails else TAKEN,
                    made_at=request.at,
                    of=charge.id,
                    code="refund_failed" if fails else None,
                )
            )
        return _outcome(move)

    def lookup_refund(self, request: RefundRequest) -> Outcome | None:
        """What a key gave back."""
        return self._by_key(request.key)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """Check and read a message that `message` made."""
        check_signature(self._secret, headers.get(SIGNATURE_HEADER, ""), body, now=now)
        try:
            return _event(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidError("the message cannot be read") from error

    def confirm(self, reference: str, *, at: datetime) -> tuple[dict[str, str], bytes]:
        """The customer acts, and a pending charge takes the money; the message that tells it."""
        return self._decide(reference, TAKEN, None, at)

    def fail(self, reference: str, *, at: datetime) -> tuple[dict[str, str], bytes]:
        """The customer does not act; the message that tells it."""
        return self._decide(reference, _DECLINED, "authentication_failed", at)

    def dispute(self, reference: str, kind: str, *, at: datetime) -> tuple[dict[str, str], bytes]:
        """A bank disputes a charge: `kind` is opened, won or lost; the message that tells it."""
        with self._database.view(self._scope) as unit:
            charge = SandboxStore(unit).get(reference)
        if charge is None:
            raise InvalidError("the sandbox took no such charge", reference=reference[:60])
        data = {**_data(charge), "dispute": f"dsp_{reference}", "fee": DISPUTE_FEE_MINOR}
        return self.message(f"dispute.{kind}", data, at=at)

    def message(
        self, name: str, data: Mapping[str, Any], *, at: datetime, event_id: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed message."""
        body = json.dumps({"id": event_id or new_id("sev"), "type": name, "data": dict(data)}).encode()
        return {SIGNATURE_HEADER: signature_header(self._secret, body, at)}, body

    def _decide(self, reference: str, state: str, code: str | None, at: datetime) -> tuple[dict[str, str], bytes]:
        with self._database.unit(self._scope) as unit:
            store = SandboxStore(unit)
            if (found := store.get(reference)) is not None and found.state == _PENDING:
                store.change(reference, state, code)
            move = store.get(reference)
        if move is None:
            raise InvalidError("the sandbox took no such charge", reference=reference[:60])
        return self.message(f"charge.{move.state}", _data(move), at=at)

    def _by_key(self, key: str) -> Outcome | None:
        with self._database.view(self._scope) as unit:
            found = SandboxStore(unit).by_key(key)
        return None if found is None else _outcome(found)

    def _new_charge(self, store: SandboxStore, request: ChargeRequest, mood: str) -> Move:
        code = _DECLINES.get(mood)
        if mood == "pm_insufficient_then_ok" and store.count_of(request.invoice, request.token):
            code = None
        state = _DECLINED if code else _PENDING if mood == "pm_pending" else TAKEN
        return Move(
            id=new_id("sch"),
            key=request.key,
            token=request.token,
            invoice=request.invoice,
            amount=request.amount,
            state=state,
            made_at=request.at,
            code=code,
        )


def _mood(token: str) -> str:
    return token.partition(".")[0]


def _outcome(move: Move) -> Outcome:
    if move.state == TAKEN:
        return Succeeded(reference=move.id, amount=move.amount)
    if move.state == _PENDING:
        return Pending(reference=move.id, action="requires_action")
    code = move.code or "declined"
    return Declined(code=code, retryable=code not in _FINAL, reference=move.id)


def _data(move: Move) -> dict[str, Any]:
    return {
        "reference": move.id,
        "key": move.key,
        "amount": move.amount.amount_minor,
        "currency": move.amount.currency,
        "state": move.state,
        "code": move.code,
    }


def _event(document: Mapping[str, Any]) -> ProviderEvent:
    name, data = str(document["type"]), document["data"]
    event = ProviderEvent(id=str(document["id"])[:200], kind=EventKind.OTHER, name=name[:200], document=document)
    if name not in {"charge.succeeded", "charge.declined", "refund.succeeded", "refund.declined", *_DISPUTES}:
        return event
    amount = Money(data["amount"], data["currency"])
    if name in _DISPUTES:
        return ProviderEvent(
            id=event.id,
            kind=_DISPUTES[name],
            name=event.name,
            document=document,
            charge=str(data["reference"]),
            dispute=str(data["dispute"]),
            amount=amount,
            fee=Money(data["fee"], data["currency"]),
        )
    outcome: Outcome = Succeeded(reference=str(data["reference"]), amount=amount)
    if name.endswith("declined"):
        code = str(data.get("code") or "declined")
        outcome = Declined(code=code, retryable=code not in _FINAL, reference=str(data["reference"]))
    kind = EventKind.CHARGE if name.startswith("charge") else EventKind.REFUND
    return ProviderEvent(
        id=event.id, kind=kind, name=event.name, document=document, key=str(data["key"]), outcome=outcome
    )
