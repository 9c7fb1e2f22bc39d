"""Who of a segment may be contacted, for what and where: consent decides, and whoever is left out is counted with the reason. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.customers.customer import Customer

ANALYTICS = "analytics"
EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Selection:
    """The customers that may go out, in order of key, and how many were left out for which reason."""

    included: tuple[Customer, ...]
    excluded: dict[str, int]


def select_for(members: Iterable[Customer], *, purpose: str, channel: str) -> Selection:
    """Members that agreed to the purpose and can be reached; analytics, which contacts nobody, needs no consent."""
    included: list[Customer] = []
    excluded: Counter[str] = Counter()
    for customer in sorted(members, key=lambda customer: customer.key):
        reason = _reason(customer, purpose, channel)
        if reason is None:
            included.append(customer)
        else:
            excluded[reason] += 1
    return Selection(tuple(included), dict(sorted(excluded.items())))


def _reason(customer: Customer, purpose: str, channel: str) -> str | None:
    if purpose != ANALYTICS and purpose not in customer.consents:
        return "no_consent"
    if channel == EMAIL and not customer.email:
        return "no_address"
    return None
