"""What every job is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.customers.audience_store import AudienceStore
from features.contact.consent import OPTED_OUT
from training.snapshots import Snapshots, snapshots_of
from training.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path

    from billing.db.scope import Scope
    from billing.db.session import Database
    from models.registry.port import Registry
    from models.tabular.boosted import Boosted
    from training.history import History

NOTHING_NEW = "Not trained: there is nothing new to learn from."


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run for one tenant: `now` is the tenant's present, `history` ends there, `tell` reports progress in words.

    `tell` may raise where the run is to stop, so a job calls it between its steps and keeps nothing half-written across it. With a `home`
    snapshots are kept under it and `stages` keeps what a run has finished. Without `refit` a job learns nothing new: it only scores and
    watches with the champion. A challenger stands in the shadow for `shadow_days` before it may serve; `force` trains another meanwhile.
    `grow` fits the boosting rung elsewhere than here.
    """

    database: Database
    scope: Scope
    registry: Registry
    history: History
    now: datetime
    seed: int
    tell: Callable[[str], None]
    home: Path | None = None
    stages: Stages = field(default_factory=Stages)
    erased: Collection[str] = ()
    refit: bool = True
    force: bool = False
    shadow_days: int = 0
    note: Callable[[str, str], None] = lambda _name, _value: None
    grow: Callable[..., Boosted] | None = None

    def rng(self, task: str) -> np.random.Generator:
        """A generator of the task's own, so that one task's draws never change another's."""
        return np.random.default_rng([self.seed, *task.encode()])

    def snapshots(self, task: str) -> Snapshots:
        """Where the task's snapshots lie."""
        return snapshots_of(self.home, self.scope.tenant_id, task)

    def left_out(self) -> frozenset[str]:
        """Of whom no model says anything: who was erased, and who does not want to be profiled, as it stands now."""
        with self.database.view(self.scope) as unit:
            return frozenset(self.erased) | AudienceStore(unit).agreeing(OPTED_OUT)

    @property
    def shadow_until(self) -> datetime:
        """When a challenger that is let in now has stood in the shadow for long enough."""
        return self.now + timedelta(days=self.shadow_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What became of a task: the version published (None when nothing was), whether it was promoted, and why in a sentence."""

    task: str
    version: str | None
    promoted: bool
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)
