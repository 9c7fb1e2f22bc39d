"""The queries over training runs, leases and learning settings.

Every write of a worker carries its fence: where another has taken over meanwhile it changes no row, and the worker is told that it lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update

from billing.db.upsert import insert_new
from billing.kernel.errors import ConflictError
from features.runs.run import Lease, LeaseLostError, Run, RunNotFoundError, RunState, Trigger
from features.runs.settings import Every, LearningSettings
from features.runs.tables import LearningSettingsRow, TrainingLeaseRow, TrainingRunRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from billing.db.session import Unit

PPM = 1_000_000
_MOST_WORDS = 500
_DONE = (RunState.DONE.value, RunState.REFUSED.value)
_GIVEN_BACK = ""


class RunStore:
    """Reads and writes the training runs of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def queue(self, run: Run) -> Run:
        """Let a run wait; where one of its task waits already, that one is the answer."""
        values = {
            "id": run.id,
            "task": run.task,
            "state": RunState.QUEUED.value,
            "trigger": run.trigger.value,
            "seed": run.seed,
            "force": run.force,
            "cancel_requested": False,
            "requested_at": run.requested_at,
            "fence": 0,
            "words": run.words,
            "done_ppm": 0,
            "reason": "",
        }
        insert_new(self._session, TrainingRunRow, [values], (TrainingRunRow.id,))
        waiting = (TrainingRunRow.task == run.task, TrainingRunRow.state == RunState.QUEUED.value)
        row = self._session.scalar(select(TrainingRunRow).where(*waiting))
        if row is None:
            raise ConflictError("the run that was waiting has just begun; ask again", task=run.task)
        return _run(row)

    def get(self, run_id: str) -> Run:
        """One run."""
        return _run(self._row(run_id))

    def recent(self, *, task: str | None = None, before: str | None = None, limit: int = 50) -> list[Run]:
        """The newest runs first, of one task or all, older than the run `before`."""
        query = select(TrainingRunRow).order_by(TrainingRunRow.id.desc()).limit(limit)
        if task is not None:
            query = query.where(TrainingRunRow.task == task)
        if before is not None:
            query = query.where(TrainingRunRow.id < before)
        return [_run(row) for row in self._session.scalars(query)]

    def waiting(self, now: datetime) -> list[Run]:
        """What a worker may begin: queued runs, and running ones whose lease has run out; oldest first."""
        leases = {row.task: row.until for row in self._session.scalars(select(TrainingLeaseRow))}
        states = (RunState.QUEUED.value, RunState.RUNNING.value)
        rows = self._session.scalars(
            select(TrainingRunRow).where(TrainingRunRow.state.in_(states)).order_by(TrainingRunRow.id)
        )
        return [_run(row) for row in rows if row.task not in leases or leases[row.task] <= now]

    def last_trained(self, task: str) -> Run | None:
        """The newest run of a task that came to its end with a model, let in or not."""
        query = select(TrainingRunRow).where(TrainingRunRow.task == task, TrainingRunRow.state.in_(_DONE))
        row = self._session.scalar(query.order_by(TrainingRunRow.id.desc()).limit(1))
        return None if row is None else _run(row)

    def take(self, run_id: str, owner: str, *, now: datetime, life: timedelta) -> Lease:
        """Take the task's lease and begin, or go on with, its run. Raises LeaseHeldError while another holds it."""
        row = self._row(run_id, lock=True)
        if not RunState(row.state).is_open:
            raise ConflictError("the run has ended", run=run_id, state=row.state)
        first = {"task": row.task, "run_id": run_id, "owner": _GIVEN_BACK, "fence": 0, "until": now}
        insert_new(self._session, TrainingLeaseRow, [first], (TrainingLeaseRow.task,))
        held = self._lease_row(row.task)
        lease = _lease(held).taken(run_id, owner, now, life)
        held.run_id, held.owner, held.fence, held.until = lease.run_id, lease.owner, lease.fence, lease.until
        row.state, row.owner, row.fence, row.heartbeat_at = RunState.RUNNING.value, owner, lease.fence, now
        row.started_at = row.started_at or now
        self._session.flush()
        return lease

    def beat(self, lease: Lease, *, now: datetime, life: timedelta, words: str = "", done: float | None = None) -> bool:
        """Keep the lease and say what is being done; answers whether somebody asked for the run to stop. Raises LeaseLostError."""
        self.require_held(lease, lock=True).until = now + life
        row = self._row(lease.run_id)
        row.heartbeat_at = now
        if words:
            row.words = words[:_MOST_WORDS]
        if done is not None:
            row.done_ppm = round(done * PPM)
        self._session.flush()
        return row.cancel_requested

    def note(self, lease: Lease, **values: Any) -> None:
        """Keep what the run is about (`as_of`, `data_hash`, `spec_hash`, `snapshot_hash`) while the lease is held."""
        self.require_held(lease, lock=True)
        row = self._row(lease.run_id)
        for name, value in values.items():
            setattr(row, name, value)
        self._session.flush()

    def finish(self, lease: Lease, state: RunState, *, now: datetime, reason: str, version: str | None = None) -> None:
        """End the run and give the lease back. Raises LeaseLostError."""
        held = self.require_held(lease, lock=True)
        held.until, held.owner = now, _GIVEN_BACK
        row = self._row(lease.run_id)
        row.state, row.finished_at, row.reason, row.version = state.value, now, reason, version
        row.words, row.done_ppm = state.value, PPM if state is not RunState.CANCELLED else row.done_ppm
        self._session.flush()

    def require_held(self, lease: Lease, *, lock: bool = False) -> TrainingLeaseRow:
        """The lease's row while it is this holder's. Raises LeaseLostError."""
        row = self._lease_row(lease.task, lock=lock)
        if (row.fence, row.owner) != (lease.fence, lease.owner):
            raise LeaseLostError("another worker has taken this run over", task=lease.task, run=lease.run_id)
        return row

    def ask_to_stop(self, run_id: str, now: datetime) -> Run:
        """Raise the flag that a running run sees between two steps; a waiting run ends at once."""
        row = self._row(run_id, lock=True)
        row.cancel_requested = True
        if row.state == RunState.QUEUED.value:
            row.state, row.finished_at = RunState.CANCELLED.value, now
            row.reason = row.words = "Cancelled before it began."
        self._session.flush()
        return _run(row)

    def settings(self) -> tuple[LearningSettings, datetime | None]:
        """The tenant's settings and when its next runs are due; the defaults until some were put."""
        row = self._session.scalar(select(LearningSettingsRow))
        return (LearningSettings(), None) if row is None else (_settings(row.document), row.next_at)

    def put_settings(self, settings: LearningSettings, next_at: datetime | None, now: datetime) -> None:
        """Replace the settings."""
        row = self._session.scalar(select(LearningSettingsRow).with_for_update())
        if row is None:
            row = LearningSettingsRow()
            self._session.add(row)
        row.document = {"every": settings.every.value, "hour": settings.hour, "shadow_days": settings.shadow_days}
        row.next_at, row.updated_at = next_at, now
        self._session.flush()

    def move_due(self, due: datetime | None, next_at: datetime | None) -> bool:
        """Put the next due moment in the place of `due`; False where another worker was first."""
        change = update(LearningSettingsRow).where(
            or_(LearningSettingsRow.next_at == due, LearningSettingsRow.next_at.is_(None))
        )
        found = self._session.execute(
            change.values(next_at=next_at)
            .execution_options(synchronize_session=False)
            .returning(LearningSettingsRow.updated_at)
        )
        return found.first() is not None

    def _row(self, run_id: str, *, lock: bool = False) -> TrainingRunRow:
        query = select(TrainingRunRow).where(TrainingRunRow.id == run_id)
        row = self._session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise RunNotFoundError(f"there is no training run {run_id[:60]!r}", run=run_id[:200])
        return row

    def _lease_row(self, task: str, *, lock: bool = True) -> TrainingLeaseRow:
        query = select(TrainingLeaseRow).where(TrainingLeaseRow.task == task)
        row = self._session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise LeaseLostError("there is no lease on this task", task=task)
        return row


def _run(row: TrainingRunRow) -> Run:
    return Run(
        id=row.id,
        task=row.task,
        state=RunState(row.state),
        trigger=Trigger(row.trigger),
        seed=row.seed,
        force=row.force,
        cancel_requested=row.cancel_requested,
        requested_at=row.requested_at,
        as_of=row.as_of,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        owner=row.owner,
        fence=row.fence,
        words=row.words,
        done=row.done_ppm / PPM,
        data_hash=row.data_hash,
        spec_hash=row.spec_hash,
        snapshot_hash=row.snapshot_hash,
        version=row.version,
        reason=row.reason,
    )


def _lease(row: TrainingLeaseRow) -> Lease:
    return Lease(task=row.task, run_id=row.run_id, owner=row.owner, fence=row.fence, until=row.until)


def _settings(document: dict[str, Any]) -> LearningSettings:
    return LearningSettings(
        every=Every(document["every"]), hour=int(document["hour"]), shadow_days=int(document["shadow_days"])
    )


def newest_by_task(runs: Sequence[Run]) -> dict[str, Run]:
    """The first of each task in a list that begins with the newest."""
    found: dict[str, Run] = {}
    for run in runs:
        found.setdefault(run.task, run)
    return found
