"""Keeping what triggers found: each crossing once, told to the outside once, and silence where a trigger has to wait."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.clock import format_instant
from features.contact.consent import OPTED_OUT
from features.signals.record import LONGEST_KEY, NewSignal
from features.signals.store import SignalStore
from models.triggers.registry import PERSONAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from billing.db.session import Unit
    from features.signals.record import Raised
    from models.triggers.contract import Fired

RAISED = "signal.raised"


def keep_signals(unit: Unit, customer_id: str, fired: Iterable[Fired], *, now: datetime) -> list[NewSignal]:
    """Keep what fired for a customer and still counts; the answer is what nobody had kept before. Each is told outside once."""
    return keep_all(unit, [(customer_id, each) for each in fired], now=now)


def keep_all(unit: Unit, fired: Iterable[tuple[str, Fired]], *, now: datetime) -> list[NewSignal]:
    """The same for many customers (by id) at once. Of who opted out of profiling nothing is kept that watching them found."""
    found = [(customer_id, each) for customer_id, each in fired if now < each.expires_at]
    closed = _closed(unit, {customer_id for customer_id, each in found if each.trigger in PERSONAL})
    signals = [_new(who, each) for who, each in found if each.trigger not in PERSONAL or who not in closed]
    fresh = SignalStore(unit).add(signals, now) if signals else []
    for signal in fresh:
        unit.emit(RAISED, _name(signal), _told(signal), now)
    return fresh


def silent_of(known: Iterable[Raised], now: datetime) -> frozenset[tuple[str, str | None]]:
    """The (trigger, subject) pairs that may not fire again yet."""
    return frozenset((raised.trigger, raised.subject) for raised in known if raised.silences(now))


def _closed(unit: Unit, customer_ids: Collection[str]) -> set[str]:
    """Those of the customers who opted out, as it stands in the transaction that writes."""
    if not customer_ids:
        return set()
    consents = CustomerStore(unit).consents_of(customer_ids)
    return {customer_id for customer_id, given in consents.items() if OPTED_OUT in given}


def _new(customer_id: str, fired: Fired) -> NewSignal:
    return NewSignal(
        customer_id=customer_id,
        trigger=fired.trigger,
        once_key=_short(fired.once_key),
        subject=fired.subject,
        strength=min(max(fired.strength, 0.0), 1.0),
        at=fired.at,
        expires_at=fired.expires_at,
        rearms_at=fired.rearms_at,
        evidence=fired.evidence,
    )


def _short(key: str) -> str:
    """The key itself, or its hash where it is longer than a column holds."""
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _name(signal: NewSignal) -> str:
    once = f"{signal.customer_id}\x1f{signal.trigger}\x1f{signal.once_key}"
    return hashlib.sha256(once.encode()).hexdigest()[:40]


def _told(signal: NewSignal) -> dict[str, object]:
    return {
        "customer": signal.customer_id,
        "trigger": signal.trigger,
        "subject": signal.subject,
        "strength": round(signal.strength, 4),
        "at": format_instant(signal.at),
        "evidence": dict(signal.evidence),
    }
