"""What is composed for one customer: items with their reasons and an offer, and how that lies in columns for a mail merge. Pure.

Every export of a kind has the same columns whoever is in it: as many items as were asked for, empty where a customer has fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from features.exports.fields import ITEMS, OFFER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ITEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item to show. `amount` is exact, in the currency's own form; both are empty where there is no price."""

    item: str
    name: str
    amount: str
    currency: str
    reason: str

    def to_document(self) -> dict[str, str]:
        """As JSON has it."""
        return {
            "item": self.item,
            "name": self.name,
            "amount": self.amount,
            "currency": self.currency,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An offer that was decided for this customer: what is due now (`amount`), and each period from then on (`recurring`)."""

    decision: str
    target: str
    name: str
    amount: str
    recurring: str
    currency: str
    message: str
    expires_at: str

    def to_document(self) -> dict[str, str]:
        """As JSON has it."""
        return {
            "decision": self.decision,
            "target": self.target,
            "name": self.name,
            "amount": self.amount,
            "recurring": self.recurring,
            "currency": self.currency,
            "message": self.message,
            "expires_at": self.expires_at,
        }


ITEM_PARTS = tuple(Item.__dataclass_fields__)
OFFER_PARTS = tuple(Offer.__dataclass_fields__)


def columns(fields: Sequence[str], items: int) -> tuple[str, ...]:
    """The columns of a flat file.

    >>> columns(["key", "items"], 1)
    ('key', 'item_1', 'item_1_name', 'item_1_amount', 'item_1_currency', 'item_1_reason')
    """
    return tuple(name for field in fields for name in _columns(field, items))


def flat(row: Mapping[str, Any], fields: Sequence[str], items: int) -> list[str]:
    """A row's cells, one a column."""
    return [cell for field in fields for cell in _cells(row[field], field, items)]


def _columns(field: str, items: int) -> Iterator[str]:
    if field == ITEMS:
        for number in range(1, items + 1):
            yield from (f"item_{number}" if part == "item" else f"item_{number}_{part}" for part in ITEM_PARTS)
    elif field == OFFER:
        yield from (f"offer_{part}" for part in OFFER_PARTS)
    else:
        yield field


def _cells(value: Any, field: str, items: int) -> Iterator[str]:
    if field == ITEMS:
        for number in range(items):
            shown = value[number] if number < len(value) else {}
            yield from (str(shown.get(part, "")) for part in ITEM_PARTS)
    elif field == OFFER:
        yield from (str((value or {}).get(part, "")) for part in OFFER_PARTS)
    else:
        yield "" if value is None else str(value)
