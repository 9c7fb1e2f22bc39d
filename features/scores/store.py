"""The queries over scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from billing.customers.audience_store import AudienceStore
from billing.db.changes import changed
from features.contact.consent import OPTED_OUT
from features.erased.store import ErasureStore
from features.scores.tables import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from billing.db.session import Unit

PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`value` is a probability between 0 and 1; `document` its reasons, rung and whatever a page shows beside it."""

    customer_id: str
    version: str
    as_of: datetime
    value: float
    document: dict[str, Any]


class ScoreStore:
    """Reads and writes the scores of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session

    def replace(self, task: str, scores: Sequence[Score]) -> None:
        """Put a whole new set of scores in the place of a task's old one; none of customers who were erased or opted out meanwhile."""
        left_out = ErasureStore(self._unit).ids() | AudienceStore(self._unit).agreeing(OPTED_OUT)
        kept = [score for score in scores if score.customer_id not in left_out]
        self._session.execute(delete(ScoreRow).where(ScoreRow.task == task))
        changed(self._session)
        if kept:
            self._session.execute(
                insert(ScoreRow),
                [
                    {
                        "task": task,
                        "customer_id": score.customer_id,
                        "version": score.version,
                        "as_of": score.as_of,
                        "value_ppm": round(score.value * PPM),
                        "document": score.document,
                    }
                    for score in kept
                ],
            )

    def forget(self, customer_id: str) -> int:
        """Remove a customer's scores; how many."""
        count = len(self.of_customer(customer_id))
        self._session.execute(delete(ScoreRow).where(ScoreRow.customer_id == customer_id))
        changed(self._session, [customer_id])
        return count

    def of_customer(self, customer_id: str) -> dict[str, Score]:
        """Every task's score of one customer."""
        rows = self._session.scalars(select(ScoreRow).where(ScoreRow.customer_id == customer_id))
        return {row.task: _from_row(row) for row in rows}

    def of_task(self, task: str, customer_ids: Iterable[str] | None = None) -> dict[str, Score]:
        """One task's scores by customer, of some customers or all."""
        query = select(ScoreRow).where(ScoreRow.task == task)
        if customer_ids is not None:
            query = query.where(ScoreRow.customer_id.in_(sorted(customer_ids)))
        return {row.customer_id: _from_row(row) for row in self._session.scalars(query)}

    def as_of(self, task: str) -> datetime | None:
        """The latest moment that a task's scores speak of."""
        return self._session.scalar(select(func.max(ScoreRow.as_of)).where(ScoreRow.task == task))

    def at_least(self, task: str, value: float) -> list[Score]:
        """The scores of a task from a value on, in order of customer."""
        query = select(ScoreRow).where(ScoreRow.task == task, ScoreRow.value_ppm >= round(value * PPM))
        return [_from_row(row) for row in self._session.scalars(query.order_by(ScoreRow.customer_id))]

    def values(self, task: str) -> list[float]:
        """All values of a task, for a histogram."""
        return [value / PPM for value in self._session.scalars(select(ScoreRow.value_ppm).where(ScoreRow.task == task))]

    def highest(self, task: str, limit: int) -> list[Score]:
        """The customers that score highest, first."""
        query = select(ScoreRow).where(ScoreRow.task == task)
        query = query.order_by(ScoreRow.value_ppm.desc(), ScoreRow.customer_id).limit(limit)
        return [_from_row(row) for row in self._session.scalars(query)]


def _from_row(row: ScoreRow) -> Score:
    return Score(
        customer_id=row.customer_id,
        version=row.version,
        as_of=row.as_of,
        value=row.value_ppm / PPM,
        document=row.document,
    )
