"""The queries over top-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.wallets.topups.tables import TopUpRow
from billing.wallets.topups.top_up import TopUp, TopUpNotFoundError, TopUpState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit


class TopUpStore:
    """Reads and writes the top-ups of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, top_up: TopUp) -> None:
        """A top-up that is asked for; a number that the wallet has used is a conflict."""
        values = {
            "id": top_up.id,
            "wallet_id": top_up.wallet_id,
            "number": top_up.number,
            "amount_minor": top_up.amount.amount_minor,
            "currency": top_up.amount.currency,
            "requested_at": top_up.requested_at,
            **_state(top_up),
        }
        self._session.execute(insert(TopUpRow), [values])

    def save(self, top_up: TopUp) -> None:
        """Its new state."""
        change = update(TopUpRow).where(TopUpRow.id == top_up.id).execution_options(synchronize_session=False)
        self._session.execute(change.values(**_state(top_up)))

    def get(self, top_up_id: str) -> TopUp:
        """A top-up by its id, as it is now."""
        query = select(TopUpRow).where(TopUpRow.id == top_up_id).execution_options(populate_existing=True)
        row = self._session.scalar(query)
        if row is None:
            raise TopUpNotFoundError("there is no such top-up", top_up=top_up_id[:60])
        return _top_up(row)

    def recent(self, wallet_id: str, since: datetime) -> list[TopUp]:
        """The top-ups of a wallet that were asked for since an instant or are under way, newest first; and the newest in any case."""
        query = select(TopUpRow).where(TopUpRow.wallet_id == wallet_id).order_by(TopUpRow.number.desc())
        counted = or_(TopUpRow.requested_at >= since, TopUpRow.state == TopUpState.REQUESTED.value)
        found = list(self._session.scalars(query.where(counted))) or list(self._session.scalars(query.limit(1)))
        return [_top_up(row) for row in found]

    def waiting(self, wallet_ids: Sequence[str], failed_since: datetime) -> set[str]:
        """Those of these wallets that have a top-up under way, or one that failed later than an instant."""
        failed = (TopUpRow.state == TopUpState.FAILED.value) & (TopUpRow.settled_at > failed_since)
        query = select(TopUpRow.wallet_id).where(TopUpRow.wallet_id.in_(wallet_ids))
        return set(self._session.scalars(query.where(failed | (TopUpRow.state == TopUpState.REQUESTED.value))))

    def page(self, wallet_id: str, *, limit: int, cursor: str | None = None) -> Page[TopUp]:
        """The top-ups of a wallet, newest first."""
        query = select(TopUpRow).where(TopUpRow.wallet_id == wallet_id).order_by(TopUpRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(TopUpRow.id < decode_cursor(cursor))
        rows = list(self._session.scalars(query))
        items = tuple(_top_up(row) for row in rows[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def open(self, *, limit: int) -> list[TopUp]:
        """Top-ups that nothing is known of yet, oldest first."""
        query = select(TopUpRow).where(TopUpRow.state == TopUpState.REQUESTED.value)
        return [_top_up(row) for row in self._session.scalars(query.order_by(TopUpRow.id).limit(limit))]


def _state(top_up: TopUp) -> dict[str, Any]:
    return {"state": top_up.state.value, "settled_at": top_up.settled_at, "code": top_up.code}


def _top_up(row: TopUpRow) -> TopUp:
    return TopUp(
        id=row.id,
        wallet_id=row.wallet_id,
        number=row.number,
        amount=Money(row.amount_minor, row.currency),
        state=TopUpState(row.state),
        requested_at=row.requested_at,
        settled_at=row.settled_at,
        code=row.code,
    )
