"""The part of a selection that customers answer: who they are, whether they agreed to a purpose, and the bucket that a holdout is cut from.

It is given as a piece of a query, so that whoever is left out never leaves the database. What was agreed to stands in the customer's own
row and is read there: a copy in rows of its own could disagree with it, and a wrong answer here is a letter that nobody agreed to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from billing.customers.tables import CustomerRow
from billing.db.buckets import bucket_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Subquery

    from billing.db.session import Unit


class AudienceStore:
    """Pieces of queries over the customers of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session

    def people(self, members: Select[str], *, purpose: str, salt: str) -> Subquery:
        """Those whose id is among `members`: id, key, name, email, country, zone, `is_agreed` (to the purpose), `bucket` (0 to 9,999)."""
        row = CustomerRow
        query = select(row.id, row.key, row.name, row.email, row.country, row.zone)
        query = query.add_columns(
            self._agreed(purpose).label("is_agreed"),
            bucket_of(self._session, self._unit.scope.tenant_id, row.key, salt).label("bucket"),
        )
        return query.where(row.id.in_(members)).subquery("people")

    def named(self, ids: list[str]) -> Select[str]:
        """The same as a query of ids, to be `members` of a few customers."""
        return select(CustomerRow.id).where(CustomerRow.id.in_(ids))

    def everybody(self) -> Select[str]:
        """All customers, to be `members`."""
        return select(CustomerRow.id)

    def has(self, customer_id: str, members: Select[str]) -> bool:
        """Whether a customer is among `members`."""
        query = select(CustomerRow.id).where(CustomerRow.id == customer_id, CustomerRow.id.in_(members))
        return self._session.scalar(query) is not None

    def zones(self) -> list[str]:
        """Each zone that a customer lives in, once."""
        return list(self._session.scalars(select(CustomerRow.zone).distinct().order_by(CustomerRow.zone)))

    def agreeing(self, purpose: str) -> frozenset[str]:
        """The ids of those who agreed to a purpose (or, where the word is an objection, who object)."""
        return frozenset(self._session.scalars(select(CustomerRow.id).where(self._agreed(purpose))))

    def _agreed(self, purpose: str) -> ColumnElement[bool]:
        if self._session.get_bind().dialect.name == "postgresql":
            agreed: Any = type_coerce(CustomerRow.consents, JSONB).contains([purpose])
            return agreed  # type: ignore[no-any-return] # (the comparator of a coerced column is untyped)
        each = func.json_each(CustomerRow.consents).table_valued("value")
        return select(each.c.value).where(each.c.value == purpose).exists()
