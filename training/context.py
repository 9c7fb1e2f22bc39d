"""What every job is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database
    from models.registry.port import Registry
    from training.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run for one tenant: `now` is the tenant's present, `history` ends there, `tell` reports progress in words."""

    database: Database
    scope: Scope
    registry: Registry
    history: History
    now: datetime
    seed: int
    tell: Callable[[str], None]

    def rng(self, task: str) -> np.random.Generator:
        """A generator of the task's own, so that one task's draws never change another's."""
        return np.random.default_rng([self.seed, *task.encode()])


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What became of a task: the version published (None when nothing was), whether it was promoted, and why in a sentence."""

    task: str
    version: str | None
    promoted: bool
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
