"""The queries over holds."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, or_, select, update

from billing.db.changes import changed
from billing.db.upsert import insert_new, insert_new_silently
from billing.entitlements.holds.hold import Hold, HoldNotFoundError, HoldState, Overdraw
from billing.entitlements.holds.tables import HoldGateRow, HoldRow
from billing.kernel.page import Page, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from billing.db.session import Unit

_OPEN = HoldState.OPEN.value
_LASTING = ("id", "key", "customer_id", "feature", "meter", "quantity", "held_at", "expires_at")


class HoldStore:
    """Reads and writes the holds of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def lock(self, customer_id: str, meter: str) -> None:
        """Wait until nobody else counts or sets aside a customer's units of a meter; nobody else does until the unit of work ends."""
        insert_new_silently(self._session, HoldGateRow, [{"customer_id": customer_id, "meter": meter}])
        gate = select(HoldGateRow.meter).where(HoldGateRow.customer_id == customer_id, HoldGateRow.meter == meter)
        self._session.execute(gate.with_for_update()).all()

    def add(self, hold: Hold) -> bool:
        """A new hold; False, and nothing done, when its key is another's."""
        row = {name: getattr(hold, name) for name in _LASTING}
        row |= {"overdraw": hold.overdraw.value, **_changing(hold)}
        changed(self._session, [hold.customer_id])
        return bool(insert_new(self._session, HoldRow, [row], [HoldRow.id]))

    def save(self, hold: Hold) -> None:
        """How it ended."""
        change = update(HoldRow).where(HoldRow.id == hold.id).values(**_changing(hold))
        self._session.execute(change.execution_options(synchronize_session=False))
        changed(self._session, [hold.customer_id])

    def get(self, hold_id: str) -> Hold:
        """A hold by its id or key, as it is now."""
        return _found(self._read(HoldRow.id == hold_id) or self.by_key(hold_id), hold_id)

    def take(self, hold_id: str) -> Hold:
        """A hold by its id, which nobody else changes until the unit of work ends."""
        return _found(self._read(HoldRow.id == hold_id, is_locked=True), hold_id)

    def by_key(self, key: str) -> Hold | None:
        """The hold of a key."""
        return self._read(HoldRow.key == key)

    def held(self, customer_ids: Iterable[str], meters: Iterable[str], now: datetime) -> dict[tuple[str, str], Decimal]:
        """Units set aside at an instant, by customer and meter; nothing for those without any. One query."""
        query = select(HoldRow.customer_id, HoldRow.meter, HoldRow.quantity).where(
            HoldRow.customer_id.in_(sorted(set(customer_ids))),
            HoldRow.meter.in_(sorted(set(meters))),
            HoldRow.state == _OPEN,
            HoldRow.expires_at > now,
        )
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for customer_id, meter, quantity in self._session.execute(query):
            sums[customer_id, meter] += quantity
        return dict(sums)

    def next_expiry(self, customer_id: str, now: datetime) -> datetime | None:
        """When the first of a customer's open holds runs out."""
        query = select(func.min(HoldRow.expires_at)).where(HoldRow.customer_id == customer_id, HoldRow.state == _OPEN)
        return self._session.scalar(query.where(HoldRow.expires_at > now))

    def forgotten(self, now: datetime, *, limit: int) -> list[Hold]:
        """Open holds whose time is over, the oldest first, locked; what another worker has is left to it."""
        query = select(HoldRow).where(HoldRow.state == _OPEN, HoldRow.expires_at <= now)
        query = query.order_by(HoldRow.expires_at, HoldRow.id).limit(limit).with_for_update(skip_locked=True)
        return self._all(query)

    def forgotten_of(self, customer_id: str, meter: str, now: datetime) -> list[Hold]:
        """The same of one customer and meter, all of them; waits for those that another worker has."""
        query = select(HoldRow).where(HoldRow.customer_id == customer_id, HoldRow.meter == meter)
        query = query.where(HoldRow.state == _OPEN, HoldRow.expires_at <= now).order_by(HoldRow.id)
        return self._all(query.with_for_update())

    def clear(self, before: datetime, *, limit: int) -> int:
        """Delete holds that ended before an instant, the oldest first; how many."""
        ended = select(HoldRow.id).where(HoldRow.state != _OPEN, HoldRow.expires_at < before, HoldRow.ended_at < before)
        ids = list(self._session.scalars(ended.order_by(HoldRow.expires_at, HoldRow.id).limit(limit)))
        if ids:
            self._session.execute(delete(HoldRow).where(HoldRow.id.in_(ids)))
        return len(ids)

    def page(
        self,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
        customer_id: str | None = None,
        feature: str | None = None,
        state: HoldState | None = None,
    ) -> Page[Hold]:
        """Holds as they are at an instant, newest first."""
        query = select(HoldRow).order_by(HoldRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(HoldRow.id < decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(HoldRow.customer_id == customer_id)
        if feature is not None:
            query = query.where(HoldRow.feature == feature)
        if state is not None:
            query = query.where(_seen(state, now))
        found = self._all(query)
        items = tuple(hold.seen(now) for hold in found[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(found) > limit else None)

    def _read(self, condition: ColumnElement[bool], *, is_locked: bool = False) -> Hold | None:
        query = select(HoldRow).where(condition)
        found = self._all(query.with_for_update() if is_locked else query)
        return found[0] if found else None

    def _all(self, query: Select[HoldRow]) -> list[Hold]:
        """What a query finds as the database has it, whatever this session read before."""
        return [_hold(row) for row in self._session.scalars(query.execution_options(populate_existing=True))]


def _found(hold: Hold | None, name: str) -> Hold:
    if hold is None:
        raise HoldNotFoundError(f"there is no hold {name[:60]!r}", hold=name[:200])
    return hold


def _seen(state: HoldState, now: datetime) -> ColumnElement[bool]:
    written = HoldRow.state == state.value
    if state is HoldState.OPEN:
        return and_(written, HoldRow.expires_at > now)
    forgotten = and_(HoldRow.state == _OPEN, HoldRow.expires_at <= now)
    return or_(written, forgotten) if state is HoldState.EXPIRED else written


def _changing(hold: Hold) -> dict[str, Any]:
    return {"state": hold.state.value, "ended_at": hold.ended_at, "used": hold.used}


def _hold(row: HoldRow) -> Hold:
    return Hold(
        id=row.id,
        key=row.key,
        customer_id=row.customer_id,
        feature=row.feature,
        meter=row.meter,
        quantity=row.quantity,
        overdraw=Overdraw(row.overdraw),
        state=HoldState(row.state),
        held_at=row.held_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        used=row.used,
    )
