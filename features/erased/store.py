"""The queries over erasures: who was erased, by id for rows and by hash for files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from features.erased.tables import ErasureRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """That a customer was erased; `done` counts rows by table and by what became of them."""

    customer_id: str
    customer_hash: str
    erased_at: datetime
    done: dict[str, Any]


class ErasureStore:
    """Reads and writes the erasures of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session
        self._tenant = unit.scope.tenant_id

    def hash_of(self, customer_id: str) -> str:
        """What a file's customer is compared by: a hash over the tenant and the id, which tells nobody who it was."""
        return customer_hash(self._tenant, customer_id)

    def add(self, customer_id: str, done: dict[str, Any], at: datetime) -> Erasure:
        """Keep that a customer was erased."""
        hashed = self.hash_of(customer_id)
        self._session.add(ErasureRow(customer_hash=hashed, customer_id=customer_id, erased_at=at, done=done))
        self._session.flush()
        return Erasure(customer_id=customer_id, customer_hash=hashed, erased_at=at, done=done)

    def find(self, customer_id: str) -> Erasure | None:
        """The erasure of a customer, if there was one."""
        row = self._session.scalar(select(ErasureRow).where(ErasureRow.customer_hash == self.hash_of(customer_id)))
        return None if row is None else _from_row(row)

    def has(self, customer_id: str) -> bool:
        """Whether a customer was erased: one look into the primary key."""
        query = select(ErasureRow.customer_id).where(ErasureRow.customer_hash == self.hash_of(customer_id))
        return self._session.scalar(query) is not None

    def ids(self) -> frozenset[str]:
        """The ids of everybody who was erased: what features and training leave out."""
        return frozenset(self._session.scalars(select(ErasureRow.customer_id)))

    def ids_query(self) -> Select[str]:
        """The same as a piece of a query."""
        return select(ErasureRow.customer_id)

    def hashes(self) -> frozenset[str]:
        """The hashes of everybody who was erased: the tombstones that readers of files filter by."""
        return frozenset(self._session.scalars(select(ErasureRow.customer_hash)))

    def since(self, moment: datetime) -> list[Erasure]:
        """Erasures at or after a moment, oldest first: what a purge of files has still to do."""
        query = select(ErasureRow).where(ErasureRow.erased_at >= moment)
        return [
            _from_row(row)
            for row in self._session.scalars(query.order_by(ErasureRow.erased_at, ErasureRow.customer_hash))
        ]


def customer_hash(tenant_id: str, customer_id: str) -> str:
    """A SHA-256 (hex) over the tenant and the customer's id.

    >>> customer_hash("ten_1", "cus_1")[:12]
    '789c72286cf4'
    """
    return hashlib.sha256(f"{tenant_id}\x1f{customer_id}".encode()).hexdigest()


def _from_row(row: ErasureRow) -> Erasure:
    return Erasure(
        customer_id=row.customer_id, customer_hash=row.customer_hash, erased_at=row.erased_at, done=dict(row.done)
    )
