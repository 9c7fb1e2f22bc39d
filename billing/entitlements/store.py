"""The queries over grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from billing.entitlements.grant import OVERRIDE, Grant
from billing.entitlements.tables import GrantRow
from billing.kernel.cadence import Cadence, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.db.session import Unit


class GrantStore:
    """Reads and writes the rights of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, grants: Iterable[Grant]) -> None:
        """New rights."""
        self._session.add_all(_to_row(grant) for grant in grants)
        self._session.flush()

    def of_customer(self, customer_id: str, now: datetime) -> list[Grant]:
        """Every right of a customer that has started and not ended."""
        rows = self._session.scalars(
            select(GrantRow)
            .where(GrantRow.customer_id == customer_id, GrantRow.starts_at <= now)
            .where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > now))
        )
        return [_from_row(row) for row in rows]

    def end_override(self, customer_id: str, feature: str, at: datetime) -> bool:
        """End what was set by hand for a customer's feature; whether there was anything in force."""
        query = select(GrantRow).where(GrantRow.customer_id == customer_id, GrantRow.feature == feature)
        query = query.where(GrantRow.source_kind == OVERRIDE, or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > at))
        rows = list(self._session.scalars(query))
        for row in rows:
            row.ends_at = at
        self._session.flush()
        return bool(rows)

    def end(self, subscription_id: str, at: datetime, source_key: str | None = None) -> None:
        """End the open rights that a subscription gave, all or those of one plan or add-on."""
        query = select(GrantRow).where(GrantRow.subscription_id == subscription_id)
        query = query.where(or_(GrantRow.ends_at.is_(None), GrantRow.ends_at > at))
        if source_key is not None:
            query = query.where(GrantRow.source_key == source_key)
        for row in self._session.scalars(query):
            row.ends_at = at
        self._session.flush()

    def reopen(self, subscription_id: str, ended_at: datetime, *, bought: str) -> None:
        """Take back the end at an instant of the rights that a subscription gave; amounts bought for a period keep theirs."""
        rows = self._session.scalars(
            select(GrantRow).where(GrantRow.subscription_id == subscription_id, GrantRow.ends_at == ended_at)
        )
        for row in rows:
            if row.source_kind != bought or isinstance(row.value["value"], bool):
                row.ends_at = None
        self._session.flush()


def _to_row(grant: Grant) -> GrantRow:
    return GrantRow(
        id=grant.id,
        customer_id=grant.customer_id,
        feature=grant.feature,
        value={"value": grant.value, "why": grant.why} if grant.why else {"value": grant.value},
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
        value=row.value["value"],
        source_kind=row.source_kind,
        source_key=row.source_key,
        subscription_id=row.subscription_id,
        cadence=Cadence(row.anchor, Interval(row.interval), row.interval_count, row.zone),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        why=row.value.get("why", ""),
    )
