"""The queries over grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, or_, select

from billing.catalog.setting import Setting, restored, stored
from billing.db.changes import changed
from billing.entitlements.grant import Grant
from billing.entitlements.tables import GrantRow
from billing.kernel.cadence import Cadence, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from billing.db.session import Unit


class GrantStore:
    """Reads and writes the rights of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, grants: Iterable[Grant]) -> None:
        """New rights."""
        rows = [_to_row(grant) for grant in grants]
        self._session.add_all(rows)
        self._session.flush()
        changed(self._session, {row.customer_id for row in rows})

    def of_customer(self, customer_id: str, now: datetime) -> list[Grant]:
        """Every right of a customer that has started and not ended."""
        rows = self._session.scalars(
            select(GrantRow)
            .where(GrantRow.customer_id == customer_id, GrantRow.starts_at <= now)
            .where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > now))
        )
        return [_from_row(row) for row in rows]

    def of_customers(self, customer_ids: Sequence[str], now: datetime) -> dict[str, list[Grant]]:
        """The same for some customers; those without any are left out."""
        rows = self._session.scalars(
            select(GrantRow)
            .where(GrantRow.customer_id.in_(customer_ids), GrantRow.starts_at <= now)
            .where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > now))
        )
        found: dict[str, list[Grant]] = {}
        for row in rows:
            found.setdefault(row.customer_id, []).append(_from_row(row))
        return found

    def ahead_of_customer(self, customer_id: str, now: datetime) -> list[Grant]:
        """The same and those that start later: what the customer may use until it changes."""
        rows = self._session.scalars(
            select(GrantRow)
            .where(GrantRow.customer_id == customer_id)
            .where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > now))
        )
        return [_from_row(row) for row in rows]

    def end_given(self, customer_id: str, feature: str, at: datetime, *, kind: str, key: str | None = None) -> bool:
        """End a customer's rights to a feature of a source that is not bought; whether there was anything to end."""
        query = select(GrantRow).where(GrantRow.customer_id == customer_id, GrantRow.feature == feature)
        query = query.where(GrantRow.source_kind == kind, or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > at))
        if key is not None:
            query = query.where(GrantRow.source_key == key)
        return self._end(query, at)

    def had(self, customer_id: str, feature: str, kind: str) -> bool:
        """Whether a customer ever had a right to a feature from such a source."""
        query = select(GrantRow.id).where(GrantRow.customer_id == customer_id, GrantRow.feature == feature)
        return self._session.scalar(query.where(GrantRow.source_kind == kind).limit(1)) is not None

    def _end(self, query: Select[GrantRow], at: datetime) -> bool:
        rows = list(self._session.scalars(query))
        for row in rows:
            row.ends_at = at
        self._session.flush()
        changed(self._session, {row.customer_id for row in rows})
        return bool(rows)

    def end(self, subscription_id: str, at: datetime, source_key: str | None = None) -> None:
        """End the open rights that a subscription gave, all or those of one plan or add-on."""
        query = select(GrantRow).where(GrantRow.subscription_id == subscription_id)
        query = query.where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > at))
        if source_key is not None:
            query = query.where(GrantRow.source_key == source_key)
        self._end(query, at)

    def reopen(self, subscription_id: str, ended_at: datetime, *, bought: str) -> None:
        """Take back the end at an instant of the rights that a subscription gave; amounts bought for a period keep theirs."""
        query = select(GrantRow).where(GrantRow.subscription_id == subscription_id, GrantRow.ends_at == ended_at)
        rows = list(self._session.scalars(query))
        for row in rows:
            if row.source_kind != bought or isinstance(_from_row(row).value, bool | Setting):
                row.ends_at = None
        self._session.flush()
        changed(self._session, {row.customer_id for row in rows})


def _to_row(grant: Grant) -> GrantRow:
    return GrantRow(
        id=grant.id,
        customer_id=grant.customer_id,
        feature=grant.feature,
        value=stored(grant.value) | ({"why": grant.why} if grant.why else {}),
        source_kind=grant.source_kind,
        source_key=grant.source_key,
        subscription_id=grant.subscription_id,
        anchor=grant.cadence.anchor,
        interval=grant.cadence.interval.value,
        interval_count=grant.cadence.count,
        zone=grant.cadence.zone,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
    )


def _from_row(row: GrantRow) -> Grant:
    return Grant(
        id=row.id,
        customer_id=row.customer_id,
        feature=row.feature,
        value=restored(row.value),
        source_kind=row.source_kind,
        source_key=row.source_key,
        subscription_id=row.subscription_id,
        cadence=Cadence(row.anchor, Interval(row.interval), row.interval_count, row.zone),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        why=row.value.get("why", ""),
    )
