"""The queries over served vectors and the checks made of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from billing.kernel.ids import new_id
from features.served.tables import ServedCheckRow, ServedVectorRow
from features.served.vector import Served, decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.served.vector import Difference

MOST_KEPT = 20_000
MOST_CHECKS = 90
MOST_DETAILS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: how many vectors were computed again, how many differed anywhere, and the first differences."""

    id: str
    checked_at: datetime
    sampled: int
    differing: int
    details: tuple[dict[str, Any], ...]


class ServedStore:
    """Reads and writes what was served of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, served: Served) -> None:
        """Keep a vector."""
        self._session.add(
            ServedVectorRow(
                id=served.id,
                customer_id=served.customer_id,
                surface=served.surface,
                as_of=served.as_of,
                served_at=served.served_at,
                spec_hash=served.spec_hash,
                names=list(served.names),
                vector=[encode(value) for value in served.values],
            )
        )
        self._session.flush()

    def ids_since(self, moment: datetime) -> list[str]:
        """The ids of vectors served at or after a moment, oldest first."""
        query = select(ServedVectorRow.id).where(ServedVectorRow.served_at >= moment)
        return list(self._session.scalars(query.order_by(ServedVectorRow.served_at, ServedVectorRow.id)))

    def read(self, ids: Sequence[str]) -> list[Served]:
        """Vectors by id, in order of customer and moment."""
        query = select(ServedVectorRow).where(ServedVectorRow.id.in_(sorted(ids)))
        rows = self._session.scalars(query.order_by(ServedVectorRow.customer_id, ServedVectorRow.as_of))
        return [_from_row(row) for row in rows]

    def sweep(self, before: datetime) -> int:
        """Forget vectors served before a moment, and the oldest beyond the most that are kept; how many."""
        query = select(ServedVectorRow.id).order_by(ServedVectorRow.served_at.desc(), ServedVectorRow.id.desc())
        beyond = list(self._session.scalars(query.offset(MOST_KEPT)))
        old = list(self._session.scalars(select(ServedVectorRow.id).where(ServedVectorRow.served_at < before)))
        gone = sorted({*beyond, *old})
        for start in range(0, len(gone), 500):
            self._session.execute(delete(ServedVectorRow).where(ServedVectorRow.id.in_(gone[start : start + 500])))
        return len(gone)

    def forget(self, customer_id: str) -> int:
        """Remove what was served to a customer; how many vectors."""
        mine = ServedVectorRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(ServedVectorRow).where(mine)) or 0
        self._session.execute(delete(ServedVectorRow).where(mine))
        return count

    def add_check(self, at: datetime, sampled: int, differing: int, details: Sequence[Difference]) -> Check:
        """Keep what a check found, and forget checks beyond the newest few."""
        told = [asdict(each) for each in details[:MOST_DETAILS]]
        row = ServedCheckRow(id=new_id("chk"), checked_at=at, sampled=sampled, differing=differing, details=told)
        self._session.add(row)
        self._session.flush()
        newest = select(ServedCheckRow.id).order_by(ServedCheckRow.checked_at.desc(), ServedCheckRow.id.desc())
        old = list(self._session.scalars(newest.offset(MOST_CHECKS)))
        if old:
            self._session.execute(delete(ServedCheckRow).where(ServedCheckRow.id.in_(old)))
        return _check(row)

    def checks(self, limit: int = 30) -> list[Check]:
        """The newest checks first."""
        query = select(ServedCheckRow).order_by(ServedCheckRow.checked_at.desc(), ServedCheckRow.id.desc())
        return [_check(row) for row in self._session.scalars(query.limit(limit))]


def _from_row(row: ServedVectorRow) -> Served:
    return Served(
        id=row.id,
        customer_id=row.customer_id,
        surface=row.surface,
        as_of=row.as_of,
        served_at=row.served_at,
        spec_hash=row.spec_hash,
        names=tuple(row.names),
        values=tuple(decode(text) for text in row.vector),
    )


def _check(row: ServedCheckRow) -> Check:
    return Check(
        id=row.id,
        checked_at=row.checked_at,
        sampled=row.sampled,
        differing=row.differing,
        details=tuple(row.details),
    )
