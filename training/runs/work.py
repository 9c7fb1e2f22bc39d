"""One run from its lease to its end: read, decide whether there is anything new, train, and put on record what became of it.

Whoever takes a run over that was cut short reads the same history (the run keeps the moment it speaks of) and so finds the same stages.
Nothing is published or promoted by a worker that has lost its lease: the move is refused in the transaction that would record it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from billing.kernel.errors import UptierError
from features.runs.run import LeaseLostError, Run, RunCancelledError, RunState
from features.runs.store import RunStore
from training.card_parts import requirements
from training.context import NOTHING_NEW, JobContext, JobReport
from training.history import History, load_history
from training.jobs import JOBS, SCORED
from training.runs.heart import Heart
from training.snapshots import purge
from training.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.runs.run import Lease
    from training.runs.installation import Installation

_LOG = structlog.get_logger("uptier.training")
CODE_VERSION = 1


@dataclass(slots=True)
class Shelf:
    """The history that was read last: the runs of one night share it."""

    history: History | None = None
    content_hash: str = ""
    _of: tuple[str, datetime, frozenset[str]] | None = field(default=None)

    def get(
        self,
        installation: Installation,
        scope: Scope,
        as_of: datetime,
        erased: frozenset[str],
        tell: Callable[[str], None],
    ) -> History:
        """The tenant's history up to a moment, without a row of anybody who was erased: no job ever sees them."""
        if self.history is None or self._of != (scope.tenant_id, as_of, erased):
            self.history = None
            with installation.database.view(scope) as unit:
                self.history = _without(load_history(unit, as_of, tell), erased)
            self.content_hash, self._of = self.history.content_hash(), (scope.tenant_id, as_of, erased)
        return self.history


def _without(history: History, erased: frozenset[str]) -> History:
    if not erased:
        return history
    gone = pa.array(sorted(erased), pa.string())
    kept = {
        source: table.filter(pc.invert(pc.is_in(table.column("customer"), value_set=gone)))
        for source, table in history.tables.items()
    }
    return replace(history, tables=kept)


def carry_out(
    installation: Installation,
    scope: Scope,
    run_id: str,
    *,
    tenant_now: datetime,
    shelf: Shelf,
    said: Callable[[str, str], None] | None = None,
) -> tuple[Run, JobReport | None]:
    """Take the run's lease and do it. Raises LeaseHeldError while another does, LeaseLostError when another took it over meanwhile."""
    with installation.database.unit(scope) as unit:
        lease = RunStore(unit).take(run_id, installation.owner, now=installation.clock(), life=installation.life)
    report: JobReport | None = None
    with Heart(installation, scope, lease, said) as heart:
        try:
            report, state = _train(installation, scope, lease, tenant_now, shelf, heart)
        except LeaseLostError:
            raise
        except RunCancelledError:
            return _end(
                installation, scope, lease, RunState.CANCELLED, "Cancelled; what was finished is kept.", None
            ), None
        except KeyboardInterrupt:
            _end(installation, scope, lease, RunState.CANCELLED, "Interrupted; what was finished is kept.", None)
            raise
        except UptierError as error:
            return _end(installation, scope, lease, RunState.FAILED, f"Failed: {error.detail}", None), None
        except Exception as error:  # noqa: BLE001 (outer edge: whatever a library raises, the run ends on record)
            _LOG.exception("a training run failed", task=lease.task, run=run_id)
            reason = f"Failed: {type(error).__name__}; the log has the details."
            return _end(installation, scope, lease, RunState.FAILED, reason, None), None
    ended = _end(installation, scope, lease, state, report.reason, report.version)
    _stages(installation, scope, lease.task).clear()
    return ended, report


def _train(  # noqa: PLR0917 (a run is made of all of these)
    installation: Installation, scope: Scope, lease: Lease, tenant_now: datetime, shelf: Shelf, heart: Heart
) -> tuple[JobReport, RunState]:
    with installation.database.view(scope) as unit:
        store = RunStore(unit)
        run, last = store.get(lease.run_id), store.last_trained(lease.task)
        settings, _ = store.settings()
        erased = frozenset(installation.erased(unit))
    as_of = run.as_of or tenant_now
    _note(installation, scope, lease, as_of=as_of)
    purge(installation.home, scope.tenant_id, erased)
    history = shelf.get(installation, scope, as_of, erased, heart.tell)
    heart.tell("looking whether there is anything new")
    spec = spec_of(lease.task, run.seed)
    _note(installation, scope, lease, data_hash=shelf.content_hash, spec_hash=spec)
    nothing_new = None if run.force else _nothing_new(last, shelf.content_hash, spec, installation)
    if nothing_new is not None and lease.task not in SCORED:
        return JobReport(task=lease.task, version=None, promoted=False, reason=nothing_new), RunState.SKIPPED
    registry = installation.open_registry(f"run {lease.run_id}", lambda unit: RunStore(unit).require_held(lease))
    report = JOBS[lease.task](
        JobContext(
            database=installation.database,
            scope=scope,
            registry=registry,
            history=history,
            now=as_of,
            seed=run.seed,
            tell=heart.tell,
            home=installation.home,
            stages=_stages(installation, scope, lease.task),
            erased=erased,
            refit=nothing_new is None,
            force=run.force,
            shadow_days=settings.shadow_days,
            grow=installation.grow,
            note=lambda name, value: _note(installation, scope, lease, **{name: value}),
        )
    )
    if nothing_new is not None:
        report = replace(report, reason=report.reason.replace(NOTHING_NEW, nothing_new))
    return report, _state(report)


def _state(report: JobReport) -> RunState:
    """A model that waits in the shadow was let in; one without a version was never fitted."""
    if report.version is None:
        return RunState.SKIPPED
    refused = not report.promoted and report.reason.startswith("Not promoted")
    return RunState.REFUSED if refused else RunState.DONE


def _nothing_new(last: Run | None, data_hash: str, spec: str, installation: Installation) -> str | None:
    """The sentence that says why nothing is learned, or None. Time that passes is news too, so this holds for a while only."""
    if last is None or last.finished_at is None or (last.data_hash, last.spec_hash) != (data_hash, spec):
        return None
    if installation.clock() - last.finished_at >= installation.again_after:
        return None
    return f"Skipped: nothing new since {last.finished_at:%Y-%m-%d %H:%M} UTC (run {last.id}); scores were refreshed where there are any."


def spec_of(task: str, seed: int) -> str:
    """A hash of everything but the data that decides what a run comes to: the task, the seed, the code's version and the libraries."""
    parts = [task, seed, CODE_VERSION, *requirements()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stages(installation: Installation, scope: Scope, task: str) -> Stages:
    return Stages(installation.home / "learning" / scope.tenant_id / "stages" / task)


def _note(installation: Installation, scope: Scope, lease: Lease, **values: object) -> None:
    with installation.database.unit(scope) as unit:
        RunStore(unit).note(lease, **values)


def _end(  # noqa: PLR0917 (what an end consists of)
    installation: Installation, scope: Scope, lease: Lease, state: RunState, reason: str, version: str | None
) -> Run:
    with installation.database.unit(scope) as unit:
        store = RunStore(unit)
        store.finish(lease, state, now=installation.clock(), reason=reason, version=version)
        _tell_outside(unit, lease, state, reason, installation.clock())
        return store.get(lease.run_id)


def _tell_outside(unit: Unit, lease: Lease, state: RunState, reason: str, at: datetime) -> None:
    if state is RunState.FAILED:
        payload = {"run": lease.run_id, "task": lease.task, "reason": reason}
        unit.emit_once("training.failed", lease.run_id, payload, at)
