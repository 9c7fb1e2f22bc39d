"""When everybody's segments fall due: a day after the oldest evaluation of a rule, and at once for a rule that was never asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from features.segments.evaluate import evaluate_all
from features.segments.rules.store import RuleStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit

EVERY: Final = timedelta(days=1)


def tend_segments(database: Database, scope: Scope, *, now: datetime) -> tuple[int, int]:
    """Evaluate what is due; how many customers entered and left. A tenant without rules is left to its training."""
    with database.view(scope) as unit:
        due = _due(unit, now)
    if not due:
        return 0, 0
    done = evaluate_all(database, scope, now=now)
    return sum(each.entered for each in done), sum(each.left for each in done)


def _due(unit: Unit, now: datetime) -> bool:
    rules, oldest = RuleStore(unit).oldest_evaluation()
    return rules > 0 and (oldest is None or oldest + EVERY <= now)
