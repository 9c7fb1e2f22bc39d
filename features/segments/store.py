"""The queries over segments and their members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from billing.customers.audience_store import AudienceStore
from billing.kernel.errors import NotFoundError
from features.contact.consent import OPTED_OUT
from features.erased.store import ErasureStore
from features.segments.tables import SegmentMemberRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class SegmentNotFoundError(NotFoundError):
    """No such segment of this tenant."""

    code = "segment_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`size` counts members; `profile` says what they have in common (feature -> typical value)."""

    key: str
    name: str
    version: str
    as_of: datetime
    profile: dict[str, Any]
    size: int = 0


class SegmentStore:
    """Reads and writes the segments of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session

    def replace(self, segments: Sequence[Segment], members: Mapping[str, str]) -> None:
        """Put new segments and members (customer id -> segment key) in the place of the old ones; nobody erased or opted out meanwhile."""
        left_out = ErasureStore(self._unit).ids() | AudienceStore(self._unit).agreeing(OPTED_OUT)
        placed = {customer: key for customer, key in members.items() if customer not in left_out}
        self._session.execute(delete(SegmentMemberRow))
        self._session.execute(delete(SegmentRow))
        if segments:
            self._session.execute(
                insert(SegmentRow),
                [
                    {
                        "key": segment.key,
                        "name": segment.name,
                        "version": segment.version,
                        "as_of": segment.as_of,
                        "profile": segment.profile,
                    }
                    for segment in segments
                ],
            )
        if placed:
            self._session.execute(
                insert(SegmentMemberRow),
                [{"customer_id": customer, "segment_key": key} for customer, key in sorted(placed.items())],
            )

    def all(self) -> list[Segment]:
        """Every segment with its size, largest first."""
        sizes = select(SegmentMemberRow.segment_key, func.count()).group_by(SegmentMemberRow.segment_key)
        counts = {str(row[0]): int(row[1]) for row in self._session.execute(sizes)}
        found = [_from_row(row, counts.get(row.key, 0)) for row in self._session.scalars(select(SegmentRow))]
        return sorted(found, key=lambda segment: (-segment.size, segment.key))

    def get(self, key: str) -> Segment:
        """One segment."""
        found = next((segment for segment in self.all() if segment.key == key), None)
        if found is None:
            raise SegmentNotFoundError(f"there is no segment {key[:60]!r}", segment=key[:200])
        return found

    def of_customer(self, customer_id: str) -> Segment | None:
        """The segment a customer is in."""
        row = self._session.scalar(
            select(SegmentRow)
            .join(SegmentMemberRow, SegmentMemberRow.segment_key == SegmentRow.key)
            .where(SegmentMemberRow.customer_id == customer_id)
        )
        return None if row is None else _from_row(row, 0)

    def forget(self, customer_id: str) -> int:
        """Take a customer out of their segment; how many they were in."""
        count = int(self.of_customer(customer_id) is not None)
        self._session.execute(delete(SegmentMemberRow).where(SegmentMemberRow.customer_id == customer_id))
        return count

    def members(self) -> dict[str, str]:
        """Segment key by customer id."""
        rows = self._session.execute(select(SegmentMemberRow.customer_id, SegmentMemberRow.segment_key))
        return {str(row[0]): str(row[1]) for row in rows}

    def keys_of(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """Segment key by customer id, of some customers; those in none are left out."""
        wanted, found = sorted(set(customer_ids)), dict[str, str]()
        for start in range(0, len(wanted), 500):
            query = select(SegmentMemberRow.customer_id, SegmentMemberRow.segment_key)
            query = query.where(SegmentMemberRow.customer_id.in_(wanted[start : start + 500]))
            found.update((str(row[0]), str(row[1])) for row in self._session.execute(query))
        return found

    def members_query(self, key: str) -> Select[str]:
        """The customer ids of one segment, as a piece of a query."""
        return select(SegmentMemberRow.customer_id).where(SegmentMemberRow.segment_key == key)

    def members_of(self, key: str) -> list[str]:
        """The customer ids of one segment, in order."""
        return list(self._session.scalars(self.members_query(key).order_by(SegmentMemberRow.customer_id)))


def _from_row(row: SegmentRow, size: int) -> Segment:
    return Segment(key=row.key, name=row.name, version=row.version, as_of=row.as_of, profile=row.profile, size=size)
