"""The queries over what the sandbox took and gave back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, update

from billing.db.upsert import insert_new_silently
from billing.kernel.money import Money
from billing.payments.sandbox.tables import SandboxMoveRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Update

    from billing.db.base import TenantRow
    from billing.db.session import Unit

TAKEN = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A charge, or a refund of the charge `of`; `state` is succeeded, declined or pending."""

    id: str
    key: str
    token: str
    invoice: str
    amount: Money
    state: str
    made_at: datetime
    of: str | None = None
    code: str | None = None


class SandboxStore:
    """The sandbox's books of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def make(self, move: Move) -> Move:
        """A move, unless its key made one before: then that one."""
        row = {
            "id": move.id,
            "key": move.key,
            "of": move.of,
            "token": move.token,
            "invoice": move.invoice,
            "amount_minor": move.amount.amount_minor,
            "currency": move.amount.currency,
            "state": move.state,
            "code": move.code,
            "made_at": move.made_at,
        }
        insert_new_silently(self._session, SandboxMoveRow, [row])
        found = self.by_key(move.key)
        assert found is not None  # noqa: S101 (it was just made, or was there)
        return found

    def change(self, move_id: str, state: str, code: str | None = None) -> None:
        """How a pending charge ended."""
        change = _change(SandboxMoveRow).where(SandboxMoveRow.id == move_id)
        self._session.execute(change.values(state=state, code=code))
        self._session.expire_all()

    def by_key(self, key: str) -> Move | None:
        """The move that a key made."""
        row = self._session.scalar(select(SandboxMoveRow).where(SandboxMoveRow.key == key))
        return None if row is None else _move(row)

    def get(self, move_id: str) -> Move | None:
        """A move by its id."""
        row = self._session.scalar(select(SandboxMoveRow).where(SandboxMoveRow.id == move_id))
        return None if row is None else _move(row)

    def count_of(self, invoice: str, token: str) -> int:
        """How many charges were asked for an invoice on a token."""
        query = select(func.count()).select_from(SandboxMoveRow)
        return self._session.scalar(query.where(SandboxMoveRow.invoice == invoice, SandboxMoveRow.token == token)) or 0

    def refunded(self, charge: str) -> int:
        """Minor units given back of a charge."""
        query = select(func.sum(SandboxMoveRow.amount_minor))
        return int(self._session.scalar(query.where(SandboxMoveRow.of == charge, SandboxMoveRow.state == TAKEN)) or 0)

    def takings(self) -> dict[str, int]:
        """Minor units taken less those given back, by currency."""
        signed = case((SandboxMoveRow.of.is_(None), SandboxMoveRow.amount_minor), else_=-SandboxMoveRow.amount_minor)
        query = select(SandboxMoveRow.currency, func.sum(signed)).where(SandboxMoveRow.state == TAKEN)
        return {name: int(sum_) for name, sum_ in self._session.execute(query.group_by(SandboxMoveRow.currency))}

    def charges(self) -> list[Move]:
        """Every charge that took money."""
        query = select(SandboxMoveRow).where(SandboxMoveRow.of.is_(None), SandboxMoveRow.state == TAKEN)
        return [_move(row) for row in self._session.scalars(query.order_by(SandboxMoveRow.id))]


def _move(row: SandboxMoveRow) -> Move:
    return Move(
        id=row.id,
        key=row.key,
        of=row.of,
        token=row.token,
        invoice=row.invoice,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        code=row.code,
        made_at=row.made_at,
    )


def _change(row: type[TenantRow]) -> Update:
    """A change of rows; what the session has read of them is forgotten by the caller."""
    return update(row).execution_options(synchronize_session=False)
