"""The queries over rules of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from billing.kernel.errors import InvalidError, NotFoundError
from features.segments.rules.tables import SegmentRuleRow
from features.segments.rules.tree import read_tree, write_tree

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from features.segments.rules.tree import Node

MAX_RULES = 200


class RuleNotFoundError(NotFoundError):
    """No such rule of this tenant."""

    code = "segment_rule_not_found"


class TooManyRulesError(InvalidError):
    """More rules than are evaluated in a night."""

    code = "too_many_segment_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRule:
    """A named rule; `revision` counts how often its tree was changed, and `evaluated_at` is when it was last asked of everybody."""

    key: str
    name: str
    tree: Node
    revision: int
    created_at: datetime
    changed_at: datetime
    evaluated_at: datetime | None = None

    @property
    def scheme(self) -> str:
        """The scheme of standings that the rule makes."""
        return f"rule:{self.key}"


class RuleStore:
    """Reads and writes the rules of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put(self, key: str, name: str, tree: Node, now: datetime) -> tuple[SegmentRule, bool]:
        """Keep a rule under its key, in the place of the one before; and whether it is new. The same tree again changes no revision."""
        row = self._session.scalar(select(SegmentRuleRow).where(SegmentRuleRow.key == key).with_for_update())
        document = write_tree(tree)
        if row is None:
            if (self._session.scalar(select(func.count()).select_from(SegmentRuleRow)) or 0) >= MAX_RULES:
                raise TooManyRulesError(f"a tenant has at most {MAX_RULES} rules; delete one first")
            row = SegmentRuleRow(key=key, name=name, tree=document, revision=1, created_at=now, changed_at=now)
            self._session.add(row)
            self._session.flush()
            return _from_row(row), True
        if row.tree != document:
            row.tree, row.revision, row.changed_at, row.evaluated_at = document, row.revision + 1, now, None
        row.name = name
        self._session.flush()
        return _from_row(row), False

    def get(self, key: str, *, lock: bool = False) -> SegmentRule:
        """One rule; with `lock`, so that nobody else changes or evaluates it before this unit of work ends."""
        query = select(SegmentRuleRow).where(SegmentRuleRow.key == key)
        row = self._session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise RuleNotFoundError(f"there is no rule {key[:60]!r}", rule=key[:200])
        return _from_row(row)

    def all(self) -> list[SegmentRule]:
        """Every rule, by key."""
        return [_from_row(row) for row in self._session.scalars(select(SegmentRuleRow).order_by(SegmentRuleRow.key))]

    def evaluated(self, key: str, at: datetime) -> None:
        """Note when a rule was asked of everybody."""
        change = update(SegmentRuleRow).where(SegmentRuleRow.key == key).values(evaluated_at=at)
        self._session.execute(change.execution_options(synchronize_session=False))
        self._session.expire_all()

    def delete(self, key: str) -> None:
        """Remove a rule; its standings are the caller's to remove."""
        self._session.execute(delete(SegmentRuleRow).where(SegmentRuleRow.key == key))

    def oldest_evaluation(self) -> tuple[int, datetime | None]:
        """How many rules there are, and when the one that waits for longest was evaluated; None where one never was."""
        rows = list(self._session.scalars(select(SegmentRuleRow.evaluated_at)))
        known = [at for at in rows if at is not None]
        return len(rows), min(known) if len(known) == len(rows) and known else None


def _from_row(row: SegmentRuleRow) -> SegmentRule:
    return SegmentRule(
        key=row.key,
        name=row.name,
        tree=read_tree(row.tree, stored=True),
        revision=row.revision,
        created_at=row.created_at,
        changed_at=row.changed_at,
        evaluated_at=row.evaluated_at,
    )
