"""Opting out of profiling, and in again: at once nothing that was guessed of a customer is held or made any more.

What is a profile goes: scores, segments, standings, what was watched of their behaviour, features kept for checks. What they bought, may
use, ran into or said themselves is no profile and stays. While they are opted out nothing of it is written again, whatever job is under
way: the stores leave them out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from features.contact.consent import OPTED_OUT
from features.scores.store import ScoreStore
from features.segments.standing.store import StandingStore
from features.segments.store import SegmentStore
from features.served.store import ServedStore
from features.signals.store import SignalStore
from features.watch.store import WatchStore

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit

CHANGED = "customer.profiling_changed"


def set_profiling(unit: Unit, key: str, *, allowed: bool, watched: Collection[str] = (), now: datetime) -> Customer:
    """Allow or forbid profiling of a customer (by key or id); `watched` are the triggers whose signals are a profile too."""
    customer = CustomerStore(unit).lock(key)
    if (OPTED_OUT not in customer.consents) == allowed:
        return customer
    others = tuple(consent for consent in customer.consents if consent != OPTED_OUT)
    changed = replace(customer, consents=others if allowed else (*others, OPTED_OUT))
    CustomerStore(unit).update(changed)
    if not allowed:
        forget_profile(unit, customer.id, watched)
    unit.emit(CHANGED, new_id("prf"), {"customer": customer.id, "allowed": allowed}, now)
    return changed


def forget_profile(unit: Unit, customer_id: str, watched: Collection[str]) -> None:
    """Remove what was guessed of a customer."""
    ScoreStore(unit).forget(customer_id)
    WatchStore(unit).forget([customer_id])
    SegmentStore(unit).forget(customer_id)
    StandingStore(unit).forget(customer_id)
    ServedStore(unit).forget(customer_id)
    SignalStore(unit).forget_triggers(customer_id, watched)
