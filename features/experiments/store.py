"""The queries over experiments, their daily looks and a bandit's shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from billing.db.bulk import lock_alone
from billing.db.upsert import insert_new
from features.experiments.experiment import (
    Experiment,
    ExperimentNotFoundError,
    Kind,
    Running,
    Status,
    Treatment,
)
from features.experiments.tables import ExperimentRow, LookRow, ShareRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.session import Unit

_LIVE = (Status.RUNNING.value, Status.PAUSED.value)
_PLAIN = ("id", "key", "version", "name", "hypothesis", "placement", "layer", "layer_share", "coverage", "is_sticky")
_LATER = (
    "digest",
    "created_at",
    "started_at",
    "paused_at",
    "stopped_at",
    "decided_at",
    "freed_at",
    "why",
    "decided_by",
    "decided_arm",
    "verdict",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLook:
    """A look as it was kept: `day` whole days since the start, `planned` the number of the planned look, `facts` what it found."""

    day: int
    at: datetime
    planned: int | None
    units: Mapping[str, int]
    facts: Mapping[str, Any]


class ExperimentStore:
    """Reads and writes the experiments of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def alone(self) -> None:
        """Have the tenant's experiments alone until this unit of work ends: two starts never take the same part of a layer."""
        lock_alone(self._session, "experiments")

    def add(self, experiment: Experiment) -> None:
        """Keep a new run."""
        row = ExperimentRow()
        _fill(row, experiment)
        self._session.add(row)
        self._session.flush()

    def save(self, experiment: Experiment) -> None:
        """Write what changed of a run that was locked."""
        _fill(self._row(experiment.id), experiment)
        self._session.flush()

    def remove(self, experiment_id: str) -> None:
        """Remove a draft."""
        self._session.execute(delete(ExperimentRow).where(ExperimentRow.id == experiment_id))

    def get(self, key: str, version: int | None = None) -> Experiment:
        """A run by the experiment's key, the newest unless a version is named."""
        row = self._session.scalar(_of_key(key, version))
        if row is None:
            raise ExperimentNotFoundError(f"there is no experiment {key[:60]!r}", experiment=key[:200])
        return _from_row(row)

    def lock(self, key: str, version: int | None = None) -> Experiment:
        """The same, while nobody else changes it."""
        row = self._session.scalar(_of_key(key, version).with_for_update().execution_options(populate_existing=True))
        if row is None:
            raise ExperimentNotFoundError(f"there is no experiment {key[:60]!r}", experiment=key[:200])
        return _from_row(row)

    def find(self, key: str) -> Experiment | None:
        """The newest run under a key, if there is one."""
        row = self._session.scalar(_of_key(key, None))
        return None if row is None else _from_row(row)

    def all(self, limit: int = 500) -> list[Experiment]:
        """Every run, newest first."""
        rows = self._session.scalars(select(ExperimentRow).order_by(ExperimentRow.id.desc()).limit(limit))
        return [_from_row(row) for row in rows]

    def live(self) -> list[Experiment]:
        """What runs or is paused, oldest first."""
        query = select(ExperimentRow).where(ExperimentRow.status.in_(_LIVE)).order_by(ExperimentRow.id)
        return [_from_row(row) for row in self._session.scalars(query)]

    def by_id(self, experiment_id: str) -> Experiment:
        """One run."""
        return _from_row(self._row(experiment_id))

    def to_free(self) -> list[Experiment]:
        """Runs that were stopped and whose arms' rights may still be out."""
        query = select(ExperimentRow).where(ExperimentRow.stopped_at.is_not(None), ExperimentRow.freed_at.is_(None))
        return [_from_row(row) for row in self._session.scalars(query.order_by(ExperimentRow.id))]

    def with_status(self, status: Status) -> list[Experiment]:
        """Runs in one state, oldest first."""
        query = select(ExperimentRow).where(ExperimentRow.status == status.value).order_by(ExperimentRow.id)
        return [_from_row(row) for row in self._session.scalars(query)]

    def running(self, placement: str | None = None) -> list[Running]:
        """What serving needs of every running experiment, or of those of one placement; in a fixed order."""
        query = select(ExperimentRow).where(ExperimentRow.status == Status.RUNNING.value).order_by(ExperimentRow.id)
        if placement is not None:
            query = query.where(ExperimentRow.placement == placement)
        found = [_from_row(row) for row in self._session.scalars(query)]
        return [running_of(each, self._shares(each)) for each in found]

    def add_look(self, experiment_id: str, look: KeptLook) -> bool:
        """Keep a look unless the day has one, or the planned look was taken; whether it was kept."""
        same = LookRow.day == look.day
        if look.planned is not None:
            same |= LookRow.planned == look.planned
        query = select(LookRow.day).where(LookRow.experiment_id == experiment_id, same)
        if self._session.scalar(query.limit(1)) is not None:
            return False
        row = {"experiment_id": experiment_id, **asdict(look), "units": dict(look.units), "facts": dict(look.facts)}
        return bool(insert_new(self._session, LookRow, [row], (LookRow.day,)))

    def looks(self, experiment_id: str) -> list[KeptLook]:
        """Every look of a run, oldest first."""
        query = select(LookRow).where(LookRow.experiment_id == experiment_id).order_by(LookRow.day)
        return [
            KeptLook(day=row.day, at=row.at, planned=row.planned, units=row.units, facts=row.facts)
            for row in self._session.scalars(query)
        ]

    def last_look_at(self, experiment_id: str) -> datetime | None:
        """When a run was looked at last."""
        return self._session.scalar(select(func.max(LookRow.at)).where(LookRow.experiment_id == experiment_id))

    def set_shares(self, experiment_id: str, shares: Mapping[str, float], at: datetime) -> None:
        """The shares of a bandit's arms from an instant on."""
        rows = [{"experiment_id": experiment_id, "at": at, "shares": dict(shares)}]
        self._session.execute(insert(ShareRow), rows)

    def shares(self, experiment_id: str) -> list[tuple[datetime, Mapping[str, float]]]:
        """Every set of shares a bandit had, oldest first."""
        query = select(ShareRow).where(ShareRow.experiment_id == experiment_id).order_by(ShareRow.at)
        return [(row.at, row.shares) for row in self._session.scalars(query)]

    def _shares(self, experiment: Experiment) -> Mapping[str, float] | None:
        if experiment.kind is not Kind.BANDIT:
            return None
        query = select(ShareRow.shares).where(ShareRow.experiment_id == experiment.id)
        return self._session.scalar(query.order_by(ShareRow.at.desc()).limit(1))

    def _row(self, experiment_id: str) -> ExperimentRow:
        return self._session.scalars(select(ExperimentRow).where(ExperimentRow.id == experiment_id)).one()


def running_of(experiment: Experiment, shares: Mapping[str, float] | None = None) -> Running:
    """An experiment as serving reads it."""
    return Running(
        id=experiment.id,
        key=experiment.run,
        plan=experiment.plan,
        treatments=experiment.treatments,
        placement=experiment.placement,
        coverage=experiment.coverage,
        is_sticky=experiment.is_sticky,
        kind=experiment.kind,
        shares=shares,
    )


def _of_key(key: str, version: int | None) -> Any:
    query = select(ExperimentRow).where(ExperimentRow.key == key)
    if version is not None:
        return query.where(ExperimentRow.version == version)
    return query.order_by(ExperimentRow.version.desc()).limit(1)


def _fill(row: ExperimentRow, experiment: Experiment) -> None:
    for name in (*_PLAIN, *_LATER):
        setattr(row, name, getattr(experiment, name))
    row.kind, row.status = experiment.kind.value, experiment.status.value
    row.plan = dict(experiment.plan)
    row.arms = {
        arm: {"words": dict(each.words), "gives": dict(each.gives)} for arm, each in experiment.treatments.items()
    }


def _from_row(row: ExperimentRow) -> Experiment:
    return Experiment(
        **{name: getattr(row, name) for name in (*_PLAIN, *_LATER)},
        kind=Kind(row.kind),
        status=Status(row.status),
        plan=row.plan,
        treatments={arm: Treatment(words=each["words"], gives=each["gives"]) for arm, each in row.arms.items()},
    )
