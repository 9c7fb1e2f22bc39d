"""The queries over decisions and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from billing.db.upsert import insert_new
from billing.kernel.errors import NotFoundError
from features.decisions.tables import DecisionRow, OutcomeRow

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


HELD_OUT = "holdout"
"""The reason of a decision that kept an offer back to measure by."""


class DecisionNotFoundError(NotFoundError):
    """No such decision of this tenant."""

    code = "decision_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One evaluation for one customer at one placement. Without a target no offer was made, and `reason` says why."""

    id: str
    customer_id: str
    placement: str
    target: str | None
    target_kind: str | None
    quote_id: str | None
    message: str
    reason: str
    trace: dict[str, Any]
    decided_at: datetime
    expires_at: datetime | None
    outcomes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A decision as an experiment sees it: the offer was made, or was due and kept back because the customer is held out."""

    customer_id: str
    decided_at: datetime
    treated: bool


class DecisionStore:
    """Reads and writes the decisions of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, decision: Decision) -> None:
        """Keep a decision."""
        self._session.add(
            DecisionRow(
                id=decision.id,
                customer_id=decision.customer_id,
                placement=decision.placement,
                target=decision.target,
                target_kind=decision.target_kind,
                quote_id=decision.quote_id,
                message=decision.message,
                reason=decision.reason,
                trace=decision.trace,
                decided_at=decision.decided_at,
                expires_at=decision.expires_at,
            )
        )
        self._session.flush()

    def get(self, decision_id: str) -> Decision:
        """One decision with what came of it."""
        row = self._session.scalar(select(DecisionRow).where(DecisionRow.id == decision_id))
        if row is None:
            raise DecisionNotFoundError(f"there is no decision {decision_id[:60]!r}", decision=decision_id[:200])
        return _from_row(row, self._outcomes([row.id]).get(row.id, frozenset()))

    def of_customer(self, customer_id: str, since: datetime) -> list[Decision]:
        """A customer's decisions that made an offer, from `since` on, oldest first; those that made none weigh on nothing later."""
        query = select(DecisionRow).where(DecisionRow.customer_id == customer_id, DecisionRow.decided_at >= since)
        query = query.where(DecisionRow.target.is_not(None))
        rows = list(self._session.scalars(query.order_by(DecisionRow.decided_at, DecisionRow.id)))
        outcomes = self._outcomes([row.id for row in rows])
        return [_from_row(row, outcomes.get(row.id, frozenset())) for row in rows]

    def forget(self, customer_id: str) -> int:
        """Remove a customer's decisions and what came of them; how many decisions."""
        mine = select(DecisionRow.id).where(DecisionRow.customer_id == customer_id)
        count = len(list(self._session.scalars(mine)))
        plain = {"synchronize_session": False}
        self._session.execute(delete(OutcomeRow).where(OutcomeRow.decision_id.in_(mine)).execution_options(**plain))
        self._session.execute(
            delete(DecisionRow).where(DecisionRow.customer_id == customer_id).execution_options(**plain)
        )
        return count

    def recent(self, limit: int) -> list[Decision]:
        """The newest decisions of all customers."""
        rows = list(self._session.scalars(select(DecisionRow).order_by(DecisionRow.id.desc()).limit(limit)))
        outcomes = self._outcomes([row.id for row in rows])
        return [_from_row(row, outcomes.get(row.id, frozenset())) for row in rows]

    def assignments_before(self, moment: datetime) -> list[Assignment]:
        """Each customer's first decision in which an offer was made or, in the holdout, would have been; in order of time."""
        query = select(DecisionRow.customer_id, DecisionRow.decided_at, DecisionRow.target, DecisionRow.trace)
        query = query.where(DecisionRow.decided_at < moment)
        query = query.where(DecisionRow.target.is_not(None) | (DecisionRow.reason == HELD_OUT))
        found: dict[str, Assignment] = {}
        for customer, at, target, trace in self._session.execute(
            query.order_by(DecisionRow.decided_at, DecisionRow.id)
        ):
            if customer not in found and (target is not None or trace.get("would_have_shown")):
                found[customer] = Assignment(customer_id=customer, decided_at=at, treated=target is not None)
        return list(found.values())

    def record_outcome(self, decision_id: str, kind: str, at: datetime) -> bool:
        """Keep what came of a decision; the same kind again changes nothing and answers False."""
        rows = [{"decision_id": decision_id, "kind": kind, "at": at}]
        return bool(insert_new(self._session, OutcomeRow, rows, (OutcomeRow.decision_id,)))

    def counts(self) -> dict[str, int]:
        """How many decisions there were, by reason, and how many outcomes of each kind (as `outcome:<kind>`)."""
        by_reason = self._session.execute(select(DecisionRow.reason, func.count()).group_by(DecisionRow.reason))
        by_kind = self._session.execute(select(OutcomeRow.kind, func.count()).group_by(OutcomeRow.kind))
        found = {str(reason): int(count) for reason, count in by_reason}
        found.update((f"outcome:{kind}", int(count)) for kind, count in by_kind)
        return found

    def _outcomes(self, ids: list[str]) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        query = select(OutcomeRow.decision_id, OutcomeRow.kind).where(OutcomeRow.decision_id.in_(ids))
        for decision_id, kind in self._session.execute(query):
            found.setdefault(decision_id, set()).add(kind)
        return {decision_id: frozenset(kinds) for decision_id, kinds in found.items()}


def _from_row(row: DecisionRow, outcomes: frozenset[str]) -> Decision:
    return Decision(
        id=row.id,
        customer_id=row.customer_id,
        placement=row.placement,
        target=row.target,
        target_kind=row.target_kind,
        quote_id=row.quote_id,
        message=row.message,
        reason=row.reason,
        trace=row.trace,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        outcomes=outcomes,
    )
