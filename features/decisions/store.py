"""The queries over decisions and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select

from billing.db.changes import changed
from billing.db.upsert import insert_new
from billing.kernel.page import Page, decode_cursor, encode_cursor
from features.decisions.decision import HELD_OUT, Assignment, Decision, DecisionNotFoundError
from features.decisions.tables import DecisionRow, OutcomeRow, ShowingRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit

__all__ = ["HELD_OUT", "Assignment", "Decision", "DecisionNotFoundError", "DecisionStore", "Outcome"]
_PPM = 1_000_000
_ANSWERS = select(DecisionRow.id, DecisionRow.reason, DecisionRow.offer).where(
    DecisionRow.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a customer did with a decision, and when."""

    kind: str
    at: datetime


class DecisionStore:
    """Reads and writes the decisions of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, decision: Decision) -> None:
        """Keep a decision."""
        self.add_many([decision])

    def add_many(self, decisions: Sequence[Decision]) -> None:
        """Keep decisions, in one statement; one whose id is taken is a conflict."""
        if decisions:
            self._session.execute(insert(DecisionRow), [_row(decision) for decision in decisions])

    def get(self, decision_id: str) -> Decision:
        """One decision with what came of it."""
        row = self._session.scalar(select(DecisionRow).where(DecisionRow.id == decision_id))
        if row is None:
            raise DecisionNotFoundError(f"there is no decision {decision_id[:60]!r}", decision=decision_id[:200])
        return self._with_outcomes([row])[0]

    def answers(self, ids: Iterable[str]) -> dict[str, tuple[str, Mapping[str, Any] | None]]:
        """(reason, offer document) of decisions by id, as they were answered; those that are not there are left out."""
        rows = self._session.execute(_ANSWERS, {"ids": sorted(set(ids))})
        return {row.id: (row.reason, row.offer) for row in rows}

    def of_customer(self, customer_id: str, since: datetime) -> list[Decision]:
        """A customer's decisions that made an offer, from `since` on, oldest first; those that made none weigh on nothing later."""
        query = select(DecisionRow).where(DecisionRow.customer_id == customer_id, DecisionRow.decided_at >= since)
        query = query.where(DecisionRow.target.is_not(None))
        return self._with_outcomes(list(self._session.scalars(query.order_by(DecisionRow.decided_at, DecisionRow.id))))

    def page(
        self, *, limit: int, cursor: str | None = None, customer_id: str | None = None, has_offer: bool | None = None
    ) -> Page[Decision]:
        """Decisions of one customer or all, newest first; only those with or without an offer where that is asked."""
        query = select(DecisionRow).order_by(DecisionRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(DecisionRow.id < decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(DecisionRow.customer_id == customer_id)
        if has_offer is not None:
            query = query.where(DecisionRow.target.is_not(None) if has_offer else DecisionRow.target.is_(None))
        rows = list(self._session.scalars(query))
        items = tuple(self._with_outcomes(rows[:limit]))
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def forget(self, customer_id: str) -> int:
        """Remove a customer's decisions, showings and what came of them; how many decisions."""
        mine = select(DecisionRow.id).where(DecisionRow.customer_id == customer_id)
        count = len(list(self._session.scalars(mine)))
        plain = {"synchronize_session": False}
        for statement in (
            delete(OutcomeRow).where(OutcomeRow.decision_id.in_(mine)),
            delete(ShowingRow).where(ShowingRow.customer_id == customer_id),
            delete(DecisionRow).where(DecisionRow.customer_id == customer_id),
        ):
            self._session.execute(statement.execution_options(**plain))
        changed(self._session, [customer_id])
        return count

    def recent(self, limit: int) -> list[Decision]:
        """The newest decisions of all customers."""
        return list(self.page(limit=limit).items)

    def assignments_before(self, moment: datetime) -> list[Assignment]:
        """Each customer's first decision in which an offer was made or, in the holdout, would have been; in order of time."""
        columns = (DecisionRow.customer_id, DecisionRow.decided_at, DecisionRow.target, DecisionRow.propensity_ppm)
        query = select(*columns).where(DecisionRow.decided_at < moment)
        query = query.where(
            DecisionRow.target.is_not(None) | (DecisionRow.is_held_out & DecisionRow.would_target.is_not(None))
        )
        found: dict[str, Assignment] = {}
        for customer, at, target, ppm in self._session.execute(query.order_by(DecisionRow.decided_at, DecisionRow.id)):
            if customer not in found:
                found[customer] = Assignment(
                    customer_id=customer, decided_at=at, treated=target is not None, propensity=ppm / _PPM
                )
        return list(found.values())

    def record_outcome(self, decision_id: str, kind: str, at: datetime) -> bool:
        """Keep what came of a decision; the same kind again changes nothing and answers False."""
        rows = [{"decision_id": decision_id, "kind": kind, "at": at}]
        return bool(insert_new(self._session, OutcomeRow, rows, (OutcomeRow.decision_id,)))

    def outcomes_of(self, decision_id: str) -> list[Outcome]:
        """What came of a decision, in order of time."""
        query = select(OutcomeRow.kind, OutcomeRow.at).where(OutcomeRow.decision_id == decision_id)
        return [Outcome(kind, at) for kind, at in self._session.execute(query.order_by(OutcomeRow.at, OutcomeRow.kind))]

    def counts(self) -> dict[str, int]:
        """How many decisions there were, by reason, and how many outcomes of each kind (as `outcome:<kind>`)."""
        by_reason = self._session.execute(select(DecisionRow.reason, func.count()).group_by(DecisionRow.reason))
        by_kind = self._session.execute(select(OutcomeRow.kind, func.count()).group_by(OutcomeRow.kind))
        found = {str(reason): int(count) for reason, count in by_reason}
        found.update((f"outcome:{kind}", int(count)) for kind, count in by_kind)
        return found

    def _with_outcomes(self, rows: Sequence[DecisionRow]) -> list[Decision]:
        found: dict[str, set[str]] = {}
        query = select(OutcomeRow.decision_id, OutcomeRow.kind)
        for decision_id, kind in self._session.execute(
            query.where(OutcomeRow.decision_id.in_(sorted(row.id for row in rows)))
        ):
            found.setdefault(decision_id, set()).add(kind)
        return [_from_row(row, frozenset(found.get(row.id, ()))) for row in rows]


def _row(decision: Decision) -> dict[str, Any]:
    return {
        "id": decision.id,
        "customer_id": decision.customer_id,
        "placement": decision.placement,
        "target": decision.target,
        "target_kind": decision.target_kind,
        "quote_id": decision.quote_id,
        "message": decision.message,
        "reason": decision.reason,
        "trace": dict(decision.trace),
        "decided_at": decision.decided_at,
        "expires_at": decision.expires_at,
        "member": decision.member,
        "rule": decision.rule,
        "would_target": decision.would_target,
        "is_held_out": decision.is_held_out,
        "propensity_ppm": max(1, round(decision.propensity * _PPM)),
        "expected_minor": decision.expected_minor,
        "currency": decision.currency,
        "offer": None if decision.offer is None else dict(decision.offer),
        "experiments": [dict(each) for each in decision.experiments],
    }


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
        member=row.member,
        rule=row.rule,
        would_target=row.would_target,
        is_held_out=row.is_held_out,
        propensity=row.propensity_ppm / _PPM,
        expected_minor=row.expected_minor,
        currency=row.currency,
        offer=row.offer,
        experiments=tuple(row.experiments),
    )
