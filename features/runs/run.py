"""A training run and its lease: the states there are, and who may train a task when. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

ALL_TASKS = "all"


class RunState(Enum):
    """Where a run stands. Refused: the gate kept the champion. Skipped: nothing new to learn from."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self in {RunState.QUEUED, RunState.RUNNING}


class Trigger(Enum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    COMMAND = "command"
    API = "api"


class RunNotFoundError(NotFoundError):
    """No such run of this tenant."""

    code = "training_run_not_found"


class RunEndedError(ConflictError):
    """The run has ended, so it cannot be cancelled any more."""

    code = "training_run_ended"


class LeaseHeldError(ConflictError):
    """Another worker trains this task."""

    code = "training_lease_held"


class LeaseLostError(ConflictError):
    """This worker was silent for longer than its lease, and another took the run over; nothing more of it may be written."""

    code = "training_lease_lost"


class RunCancelledError(ConflictError):
    """Somebody asked for the run to stop."""

    code = "training_run_cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one task; `done` is a share from 0 to 1, `words` what it does now, `reason` what became of it in a sentence."""

    id: str
    task: str
    state: RunState
    trigger: Trigger
    seed: int
    force: bool
    requested_at: datetime
    cancel_requested: bool = False
    as_of: datetime | None = None
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None
    finished_at: datetime | None = None
    owner: str | None = None
    fence: int = 0
    words: str = "waiting"
    done: float = field(default=0.0)
    data_hash: str | None = None
    spec_hash: str | None = None
    snapshot_hash: str | None = None
    version: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may train a task until when, and the fencing token that every write of theirs must carry."""

    task: str
    run_id: str
    owner: str
    fence: int
    until: datetime

    def is_free(self, now: datetime) -> bool:
        """Whether it has run out or was given back."""
        return self.until <= now

    def taken(self, run_id: str, owner: str, now: datetime, life: timedelta) -> Lease:
        """The lease in another's hands, with a larger fence. Raises LeaseHeldError while it runs."""
        if not self.is_free(now):
            raise LeaseHeldError(
                f"{self.task} is being trained by {self.owner} (its lease runs until {self.until:%Y-%m-%d %H:%M:%S} UTC)",
                task=self.task,
                owner=self.owner,
                until=self.until.isoformat(),
            )
        return replace(self, run_id=run_id, owner=owner, fence=self.fence + 1, until=now + life)
