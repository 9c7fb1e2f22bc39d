"""The queries that find subscriptions by how far their usage was billed, and by what they pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.subscriptions.subscription import Status
from billing.subscriptions.tables import SubscriptionRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from billing.db.session import Unit


class UsageStore:
    """Finds subscriptions of one tenant whose usage is to be looked at."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def behind(self, spans: Mapping[str, datetime]) -> list[str]:
        """Ids of subscriptions of these customers that had taken usage up to after the instant given for each, in order of id."""
        found: list[str] = []
        names = sorted(spans)
        for start in range(0, len(names), 500):
            query = select(SubscriptionRow.id, SubscriptionRow.customer_id, SubscriptionRow.usage_from).where(
                SubscriptionRow.customer_id.in_(names[start : start + 500])
            )
            found += [each for each, customer, since in self._session.execute(query) if spans[customer] < since]
        return sorted(found)

    def running_on(self, version_ids: Collection[str], *, after: str = "", limit: int) -> list[str]:
        """Ids of active subscriptions that pin one of these versions as their plan, in order of id from `after` on."""
        query = (
            select(SubscriptionRow.id)
            .where(SubscriptionRow.version_id.in_(sorted(version_ids)), SubscriptionRow.id > after)
            .where(SubscriptionRow.status.in_((Status.ACTIVE.value, Status.CANCELLING.value)))
            .order_by(SubscriptionRow.id)
            .limit(limit)
        )
        return list(self._session.scalars(query))
