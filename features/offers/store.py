"""The queries over offer policies: one a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.db.changes import changed
from billing.db.upsert import insert_new
from features.offers.document import read_policy, write_policy
from features.offers.policy import OfferPolicy
from features.offers.tables import OfferPolicyRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Unit


class OfferPolicyStore:
    """Reads and writes the offer policy of the scope's own tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def get(self) -> OfferPolicy:
        """The policy; the careful defaults until one was put."""
        row = self._session.scalar(select(OfferPolicyRow))
        return OfferPolicy() if row is None else read_policy(row.document)

    def change(self, to: Callable[[OfferPolicy], OfferPolicy], at: datetime) -> OfferPolicy:
        """Replace the policy by what `to` makes of it, one writer after the other; kept copies elsewhere drop on commit."""
        first = {"document": write_policy(OfferPolicy()), "changed_at": at}
        insert_new(self._session, OfferPolicyRow, [first], (OfferPolicyRow.changed_at,))
        row = self._session.scalars(select(OfferPolicyRow).with_for_update()).one()
        policy = to(read_policy(row.document))
        row.document, row.changed_at = write_policy(policy), at
        self._session.flush()
        changed(self._session)
        return policy
