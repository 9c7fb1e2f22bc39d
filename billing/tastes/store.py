"""The queries over item attributes and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from billing.tastes.tables import ItemAttributesRow, PreferencesRow
from billing.tastes.taste import Kind, Preference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit


class TasteStore:
    """Reads and writes what items are and what customers declared, of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put_attributes(self, item: str, attributes: Mapping[str, frozenset[str]], now: datetime) -> None:
        """What an item is, in place of what was said before."""
        document = {key: sorted(values) for key, values in sorted(attributes.items())}
        row = self._session.scalar(select(ItemAttributesRow).where(ItemAttributesRow.item == item))
        if row is None:
            self._session.add(ItemAttributesRow(item=item, document=document, changed_at=now))
        else:
            row.document, row.changed_at = document, now
        self._session.flush()

    def attributes(self, item: str) -> dict[str, frozenset[str]] | None:
        """What is known of one item; None where nothing was ever said."""
        row = self._session.scalar(select(ItemAttributesRow).where(ItemAttributesRow.item == item))
        return None if row is None else _attributes(row.document)

    def all_attributes(self) -> dict[str, dict[str, frozenset[str]]]:
        """What is known of every item of which anything was said."""
        rows = self._session.scalars(select(ItemAttributesRow))
        return {row.item: _attributes(row.document) for row in rows}

    def put_preferences(self, customer_id: str, preferences: Sequence[Preference], now: datetime) -> None:
        """What a customer declared, in place of what they declared before."""
        document = [
            {"kind": one.kind.value, "key": one.key, "value": one.value, "weight": one.weight} for one in preferences
        ]
        row = self._session.scalar(select(PreferencesRow).where(PreferencesRow.customer_id == customer_id))
        if row is None:
            self._session.add(PreferencesRow(customer_id=customer_id, document=document, changed_at=now))
        else:
            row.document, row.changed_at = document, now
        self._session.flush()

    def preferences(self, customer_id: str) -> tuple[Preference, ...]:
        """What a customer declared; nothing for one who declared nothing."""
        row = self._session.scalar(select(PreferencesRow).where(PreferencesRow.customer_id == customer_id))
        return () if row is None else _preferences(row.document)

    def all_preferences(self) -> dict[str, tuple[Preference, ...]]:
        """What every customer declared, by customer id; who declared nothing is left out."""
        rows = self._session.execute(select(PreferencesRow.customer_id, PreferencesRow.document))
        return {customer: _preferences(document) for customer, document in rows if document}

    def forget(self, customer_id: str) -> int:
        """Remove what a customer declared; the answer is how many rows went."""
        found = self._session.execute(
            delete(PreferencesRow)
            .where(PreferencesRow.customer_id == customer_id)
            .returning(PreferencesRow.customer_id)
        )
        return len(found.all())


def _preferences(document: Sequence[Mapping[str, Any]]) -> tuple[Preference, ...]:
    return tuple(
        Preference(kind=Kind(one["kind"]), key=one["key"], value=one["value"], weight=one["weight"]) for one in document
    )


def _attributes(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in document.items()}
