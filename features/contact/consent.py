"""Why somebody may not be contacted for a purpose on a channel: the reasons, in the order in which the first that holds is told. Pure.

`features.contact.store` decides the same in a query; this is the rule that one is held against, and what is asked of one person alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import InvalidError
from features.offers.policy import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from features.offers.policy import QuietHours

ANALYTICS: Final = "analytics"
"""The one purpose that contacts nobody: it asks for no consent, and is given nothing that names a person."""
EMAIL: Final = "email"
CHANNELS: Final = frozenset({EMAIL, "sms", "push", "post", "phone"})
"""Ways to reach people where they are; an offer at a placement of such a name is made to nobody who unsubscribed there."""
EVERY: Final = "*"
"""Stands for all purposes, or all channels, of a suppression."""
OPTED_OUT: Final = "no_profiling"
"""The mark, kept among a customer's consents, of who wants nothing personal: contacted like others, about what is the same for all."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}", re.ASCII)


class Suppression(Enum):
    """Why a person is left alone on a channel, for a purpose or for all; `suppressed` is by hand."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"


REASONS: Final = (
    "erased",
    "no_consent",
    *(each.value for each in Suppression),
    "no_address",
    "holdout",
    "quiet_hours",
)
"""Every reason for being left out, in the order in which they are looked at."""


class ContactError(InvalidError):
    """A purpose or a channel that cannot be."""

    code = "invalid_contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What one wants to contact people for and where, as of a moment.

    `quiet_zones` are the time zones in which it is quiet now; `holdout_share` is out of ten thousand.
    """

    purpose: str
    channel: str
    quiet_zones: frozenset[str] = frozenset()
    holdout_share: int = 0
    holdout_salt: str = "holdout-1"

    def __post_init__(self) -> None:
        for name, word in (("purpose", self.purpose), ("channel", self.channel)):
            if not _WORD.fullmatch(word):
                raise ContactError(
                    f"a {name} has 1 to 60 letters, digits, dots, hyphens and underscores, such as 'marketing'",
                    field=name,
                )

    @property
    def is_contact(self) -> bool:
        """Whether anybody is contacted at all."""
        return self.purpose != ANALYTICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the reasons are decided from; `bucket` is the customer's place among ten thousand under the holdout's salt."""

    consents: frozenset[str]
    suppressions: frozenset[tuple[str, str, str]] = frozenset()
    """(channel, purpose, reason)"""
    email: str = ""
    zone: str = "UTC"
    bucket: int = 9_999
    is_erased: bool = False


def reason_of(person: Person, contact: Contact) -> str | None:
    """The first reason to leave a person alone, or None.

    >>> ask = Contact(purpose="marketing", channel="email")
    >>> reason_of(Person(consents=frozenset()), ask), reason_of(Person(consents=frozenset({"marketing"})), ask)
    ('no_consent', 'no_address')
    """
    return next((reason for reason, holds in _obstacles(person, contact) if holds), None)


def _obstacles(person: Person, contact: Contact) -> Iterator[tuple[str, bool]]:
    """Each reason in its order, and whether it holds. Analytics, which contacts nobody, meets few of them."""
    yield "erased", person.is_erased
    if contact.is_contact:
        yield "no_consent", contact.purpose not in person.consents
        held = {reason for channel, purpose, reason in person.suppressions if concerns(contact, channel, purpose)}
        yield from ((each.value, each.value in held) for each in Suppression)
    yield "no_address", contact.channel == EMAIL and not person.email
    if contact.is_contact:
        yield "holdout", person.bucket < contact.holdout_share
        yield "quiet_hours", person.zone in contact.quiet_zones


def concerns(contact: Contact, channel: str, purpose: str) -> bool:
    """Whether a suppression of a channel and a purpose is about this contact."""
    return channel in {contact.channel, EVERY} and purpose in {contact.purpose, EVERY}


def quiet_zones(zones: Iterable[str], now: datetime, hours: QuietHours | None) -> frozenset[str]:
    """Those of the zones in which it is quiet at an instant; a name that is no zone counts as UTC."""
    return frozenset(zone for zone in zones if _is_quiet(now, zone, hours))


def _is_quiet(now: datetime, zone: str, hours: QuietHours | None) -> bool:
    try:
        return is_quiet(now, zone, hours)
    except InvalidError:
        return is_quiet(now, "UTC", hours)
