"""The queries over mailings and their recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from features.contact.mailing import Mailing, MailingNotFoundError, State, letter_of
from features.contact.tables import MailingRow, RecipientRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit

_SILENT = {"synchronize_session": False}


class MailingStore:
    """Reads and writes the mailings of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, mailing: Mailing) -> None:
        """A new mailing, without recipients so far."""
        self._session.add(
            MailingRow(
                id=mailing.id,
                segment_key=mailing.segment,
                purpose=mailing.purpose,
                content=mailing.letter.to_document(),
                excluded=dict(mailing.excluded),
                created_at=mailing.created_at,
            )
        )
        self._session.flush()

    def add_recipients(self, mailing_id: str, customers: Sequence[str], at: datetime) -> None:
        """More recipients (customer ids), each once, who wait."""
        rows = [
            {
                "mailing_id": mailing_id,
                "customer_id": customer,
                "state": State.WAITING.value,
                "reason": "",
                "attempts": 0,
                "changed_at": at,
            }
            for customer in customers
        ]
        if rows:
            self._session.execute(insert(RecipientRow), rows)

    def get(self, mailing_id: str) -> Mailing:
        """One mailing. Raises MailingNotFoundError."""
        row = self._session.scalar(select(MailingRow).where(MailingRow.id == mailing_id))
        if row is None:
            raise MailingNotFoundError(f"there is no mailing {mailing_id[:60]!r}", mailing=mailing_id[:200])
        return _from_row(row)

    def recent(self, limit: int) -> list[Mailing]:
        """The newest mailings."""
        query = select(MailingRow).order_by(MailingRow.id.desc()).limit(limit)
        return [_from_row(row) for row in self._session.scalars(query)]

    def counts(self, mailing_id: str) -> dict[str, int]:
        """How many recipients are in each state, and of those left out or refused how many for which reason (`left_out:no_consent`)."""
        row = RecipientRow
        query = select(row.state, row.reason, func.count()).where(row.mailing_id == mailing_id)
        found: dict[str, int] = {state.value: 0 for state in State}
        for state, reason, count in self._session.execute(query.group_by(row.state, row.reason)):
            found[state] += int(count)
            if reason:
                found[f"{state}:{reason}"] = int(count)
        return found

    def next_waiting(self, mailing_id: str, *, after: str = "") -> tuple[str, int] | None:
        """The next recipient (customer id, attempts so far) who waits, in order of id; locked, and passed over while others have them."""
        row = RecipientRow
        query = select(row.customer_id, row.attempts).where(
            row.mailing_id == mailing_id, row.state == State.WAITING.value, row.customer_id > after
        )
        query = query.order_by(row.customer_id).limit(1).with_for_update(skip_locked=True)
        found = self._session.execute(query).one_or_none()
        return None if found is None else (str(found[0]), int(found[1]))

    def move(
        self, mailing_id: str, customer_id: str, state: State, at: datetime, *, attempts: int, reason: str = ""
    ) -> None:
        """What became of a recipient."""
        row = RecipientRow
        change = update(row).where(row.mailing_id == mailing_id, row.customer_id == customer_id)
        change = change.values(state=state.value, reason=reason[:500], changed_at=at, attempts=attempts)
        self._session.execute(change.execution_options(**_SILENT))

    def forget(self, customer_id: str) -> int:
        """Remove a customer from every mailing; how many."""
        row = RecipientRow
        mine = select(func.count()).select_from(row).where(row.customer_id == customer_id)
        count = self._session.scalar(mine) or 0
        self._session.execute(delete(row).where(row.customer_id == customer_id).execution_options(**_SILENT))
        return count


def _from_row(row: MailingRow) -> Mailing:
    return Mailing(
        id=row.id,
        segment=row.segment_key,
        purpose=row.purpose,
        letter=letter_of(row.content),
        excluded=dict(row.excluded),
        created_at=row.created_at,
    )
