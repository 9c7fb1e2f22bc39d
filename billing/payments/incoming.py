"""What providers tell us, taken once a message, in one transaction with what it changes. What we do not know is kept and answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.payments import dispute_lost, dispute_opened, dispute_won
from billing.payments.attempts import settle
from billing.payments.collection_store import AttemptStore
from billing.payments.payment import Dispute, DisputeState, Payment
from billing.payments.provider import EventKind, ProviderEvent
from billing.payments.refund import hold, settle_refund
from billing.payments.store import DisputeStore, PaymentStore, ProviderEventStore, RefundStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.payments.dunning import DunningPolicy

TAKEN, REPEATED, IGNORED, NOT_OURS = "taken", "repeated", "ignored", "not_ours"


def take_event(
    unit: Unit, provider: str, event: ProviderEvent, *, now: datetime, policy: DunningPolicy | None = None
) -> str:
    """Act on a message whose signature was checked: taken, repeated (came before), ignored (of no interest), or not ours."""
    store = ProviderEventStore(unit)
    if not store.add_new(provider, event, outcome=IGNORED, now=now):
        return REPEATED
    outcome = _act(unit, provider, event, now, policy)
    store.decide(provider, event.id, outcome)
    return outcome


def _act(unit: Unit, provider: str, event: ProviderEvent, now: datetime, policy: DunningPolicy | None) -> str:
    if event.kind is EventKind.OTHER:
        return IGNORED
    if event.kind is EventKind.CHARGE:
        return _charge(unit, provider, event, now, policy)
    if event.kind is EventKind.REFUND:
        return _refund(unit, event, now)
    payment = PaymentStore(unit).by_reference(f"{provider}:{event.charge}")
    if payment is None or event.dispute is None:
        return NOT_OURS
    return _dispute(unit, f"{provider}:{event.dispute}", payment, event, now)


def _charge(unit: Unit, provider: str, event: ProviderEvent, now: datetime, policy: DunningPolicy | None) -> str:
    attempt = None if event.key is None else AttemptStore(unit).find(event.key)
    if attempt is None or attempt.provider != provider or event.outcome is None:
        return NOT_OURS
    settle(unit, attempt.id, event.outcome, now=now, policy=policy)
    return TAKEN


def _refund(unit: Unit, event: ProviderEvent, now: datetime) -> str:
    refund = None if event.key is None else RefundStore(unit).find(event.key)
    if refund is None or event.outcome is None:
        return NOT_OURS
    settle_refund(unit, refund.id, event.outcome, now=now)
    return TAKEN


def _dispute(unit: Unit, dispute_id: str, payment: Payment, event: ProviderEvent, now: datetime) -> str:
    """Opened, won or lost; a decision that comes before its opening opens and decides at once."""
    invoice = InvoiceStore(unit).lock(payment.invoice_id)
    store, ledger = DisputeStore(unit), LedgerStore(unit)
    dispute = store.find(dispute_id)
    if dispute is None:
        dispute = Dispute(
            id=dispute_id,
            payment_id=payment.id,
            amount=event.amount or payment.amount,
            fee=event.fee or Money.zero(payment.amount.currency),
            state=DisputeState.OPEN,
            opened_at=now,
        )
        store.add(dispute)
        ledger.append(
            dispute_opened(dispute.id, at=now, customer=invoice.customer_id, amount=dispute.amount, fee=dispute.fee)
        )
        hold(unit, invoice)
        _tell(unit, "dispute.opened", dispute, now)
    if event.kind is EventKind.DISPUTE_OPENED or dispute.state is not DisputeState.OPEN:
        return TAKEN
    won = event.kind is EventKind.DISPUTE_WON
    decided = replace(dispute, state=DisputeState.WON if won else DisputeState.LOST, closed_at=now)
    store.save(decided)
    book = dispute_won if won else dispute_lost
    ledger.append(book(dispute.id, at=now, customer=invoice.customer_id, amount=dispute.amount))
    _tell(unit, f"dispute.{decided.state.value}", decided, now)
    return TAKEN


def _tell(unit: Unit, kind: str, dispute: Dispute, now: datetime) -> None:
    told = {"dispute": dispute.id, "payment": dispute.payment_id, "amount": dispute.amount.text}
    unit.emit(kind, dispute.id, told, now)
