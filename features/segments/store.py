"""The queries over segments and their members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from billing.kernel.errors import NotFoundError
from features.erased.store import ErasureStore
from features.segments.tables import ExportRow, SegmentMemberRow, SegmentRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

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
        """Put new segments and members (customer id -> segment key) in the place of the old ones; nobody who was erased meanwhile."""
        erased = ErasureStore(self._unit).ids()
        placed = {customer: key for customer, key in members.items() if customer not in erased}
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

    def members_of(self, key: str) -> list[str]:
        """The customer ids of one segment, in order."""
        query = select(SegmentMemberRow.customer_id).where(SegmentMemberRow.segment_key == key)
        return list(self._session.scalars(query.order_by(SegmentMemberRow.customer_id)))

    def record_export(
        self,
        *,
        export_id: str,
        segment: str,
        purpose: str,
        channel: str,
        included: int,
        excluded: dict[str, int],
        at: datetime,
    ) -> None:
        """Keep that a segment was handed out."""
        self._session.add(
            ExportRow(
                id=export_id,
                segment_key=segment,
                purpose=purpose,
                channel=channel,
                included=included,
                excluded=excluded,
                created_at=at,
            )
        )
        self._session.flush()


def _from_row(row: SegmentRow, size: int) -> Segment:
    return Segment(key=row.key, name=row.name, version=row.version, as_of=row.as_of, profile=row.profile, size=size)
