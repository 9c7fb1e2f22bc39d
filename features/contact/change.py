"""Leaving somebody alone, and ending that: a recipient's own word, a bounce, a complaint, or the business by hand. It holds at once."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.db.changes import changed
from billing.kernel.clock import format_instant
from billing.kernel.errors import NotFoundError
from features.contact.consent import EVERY, OPTED_OUT, Contact, Suppression
from features.contact.store import ContactStore
from features.erased.store import ErasureStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from features.contact.store import Suppressed

UNSUBSCRIBED_KIND = "contact.unsubscribed"
SUPPRESSED_KIND = "contact.suppressed"
LIFTED_KIND = "contact.allowed_again"


class NotSuppressedError(NotFoundError):
    """Nobody said to leave this customer alone there."""

    code = "not_suppressed"


class Reach(Enum):
    """How much a recipient ends: this purpose on this channel, the purpose on all of them, or everything."""

    CHANNEL = "channel"
    PURPOSE = "purpose"
    EVERYTHING = "everything"


def unsubscribe(unit: Unit, customer_id: str, *, purpose: str, channel: str, reach: Reach, now: datetime) -> bool:
    """What a recipient asked for. Beyond one channel the consent itself is withdrawn. Again, or by who was erased, it changes nothing."""
    customer = CustomerStore(unit).by_ids([customer_id]).get(customer_id)
    if customer is None or ErasureStore(unit).has(customer_id):
        return False
    where = {
        Reach.CHANNEL: (channel, purpose),
        Reach.PURPOSE: (EVERY, purpose),
        Reach.EVERYTHING: (EVERY, EVERY),
    }[reach]
    if reach is not Reach.CHANNEL:
        _withdraw(unit, customer, None if reach is Reach.EVERYTHING else purpose)
    is_new = suppress(unit, customer, *where, reason=Suppression.UNSUBSCRIBED, now=now)
    if is_new:
        told = {"customer": customer.key, "channel": where[0], "purpose": where[1]}
        unit.emit_once(UNSUBSCRIBED_KIND, f"{customer.id}:{':'.join(where)}:{format_instant(now)}", told, now)
    return is_new


def suppress(unit: Unit, customer: Customer, channel: str, purpose: str, *, reason: Suppression, now: datetime) -> bool:
    """Leave a customer alone; `*` is every channel, or purpose. What was known already changes nothing: False."""
    if not ContactStore(unit).suppress(customer.id, checked(channel), checked(purpose), reason, now):
        return False
    changed(unit.session, [customer.id])
    if reason is not Suppression.UNSUBSCRIBED:
        told = {"customer": customer.key, "channel": channel, "purpose": purpose, "reason": reason.value}
        key = f"{customer.id}:{channel}:{purpose}:{reason.value}:{format_instant(now)}"
        unit.emit_once(SUPPRESSED_KIND, key, told, now)
    return True


def lift(unit: Unit, customer: Customer, channel: str, purpose: str, *, now: datetime) -> list[Suppressed]:
    """End it, since the customer agreed again or an address works again; what it was is told. Raises NotSuppressedError."""
    found = ContactStore(unit).lift(customer.id, channel, purpose)
    if not found:
        raise NotSuppressedError(
            "this customer is not left alone there", customer=customer.key, channel=channel[:60], purpose=purpose[:60]
        )
    changed(unit.session, [customer.id])
    told = {
        "customer": customer.key,
        "channel": channel,
        "purpose": purpose,
        "reasons": [each.reason.value for each in found],
    }
    unit.emit_once(LIFTED_KIND, f"{customer.id}:{channel}:{purpose}:{format_instant(now)}", told, now)
    return found


def checked(word: str) -> str:
    """A purpose or channel that can be, or `*`. Raises ContactError."""
    if word != EVERY:
        Contact(purpose=word, channel=word)
    return word


def _withdraw(unit: Unit, customer: Customer, purpose: str | None) -> None:
    """Take the consent back, all of them without a purpose; that somebody wants nothing personal is no consent and stays."""
    store = CustomerStore(unit)
    known = store.lock(customer.key)
    left = tuple(each for each in known.consents if each == OPTED_OUT or not (purpose is None or each == purpose))
    if left != known.consents:
        store.update(replace(known, consents=left))
