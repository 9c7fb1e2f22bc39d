"""The registry whose moves are on record: who made a version champion, when, why and by which gate's report.

The rows in the database are the truth; the folder that serving reads follows them. A move is written first and made second, so a process
that dies between the two leaves a row that `settle` carries out. What was promoted before there were rows is taken over as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.db.scope import Scope
from features.releases.record import ReleaseRecord
from features.releases.store import ReleaseStore
from models.registry.port import Move, NothingToRollBackError, Release, VersionNotFoundError
from models.registry.releases import champion_of, going_back, promotion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from billing.db.session import Database, Unit
    from models.card import ModelCard
    from models.registry.port import ModelVersion, Registry

TAKEN_OVER = "taken over from the folder"


class RecordedRegistry:
    """A registry beside its record; `who` stands in every row it writes, `guard` may refuse a move in the transaction that records it."""

    def __init__(
        self, folder: Registry, database: Database, who: str, guard: Callable[[Unit], object] | None = None
    ) -> None:
        self._folder = folder
        self._database = database
        self._who = who
        self._guard = guard

    def publish(self, tenant: str, task: str, folder: Path, card: ModelCard) -> str:
        """As the folder does."""
        return self._folder.publish(tenant, task, folder, card)

    def champion(self, tenant: str, task: str) -> ModelVersion | None:
        """The folder's champion: what serves."""
        return self._folder.champion(tenant, task)

    def versions(self, tenant: str, task: str) -> list[ModelVersion]:
        """All published versions, oldest first."""
        return self._folder.versions(tenant, task)

    def promote(self, tenant: str, task: str, version: str, reason: str, at: datetime) -> Release:
        """Record the promotion and make it; promoting the champion again changes nothing."""
        gate = self._gate_of(tenant, task, version)
        with self._database.unit(Scope(tenant)) as unit:
            history = self._known(unit, tenant, task)
            release = promotion(history, version, reason, at)
            if release is None:
                return history[-1]
            self._record(unit, task, release, len(history) + 1, gate)
        self.settle(tenant, task)
        return release

    def rollback(self, tenant: str, task: str, reason: str, at: datetime) -> Release:
        """Record the way back and make it."""
        with self._database.unit(Scope(tenant)) as unit:
            history = self._known(unit, tenant, task)
            release = going_back(history, reason, at)
            self._record(unit, task, release, len(history) + 1, None)
        self.settle(tenant, task)
        return release

    def history(self, tenant: str, task: str) -> list[Release]:
        """Every move on record, oldest first; the folder's own where nothing is on record yet."""
        with self._database.view(Scope(tenant)) as unit:
            recorded = ReleaseStore(unit).of_task(task)
        return [_release(one) for one in recorded] or self._folder.history(tenant, task)

    def settle(self, tenant: str, task: str) -> str | None:
        """Make the folder's champion the one on record; answers the version that had to be moved to, or None."""
        with self._database.view(Scope(tenant)) as unit:
            recorded = [_release(one) for one in ReleaseStore(unit).of_task(task)]
        wanted = champion_of(recorded)
        if wanted is None or wanted == champion_of(self._folder.history(tenant, task)):
            return None
        last = recorded[-1]
        if last.move is Move.ROLLED_BACK and _leads_back_to(self._folder.history(tenant, task), wanted):
            self._folder.rollback(tenant, task, last.reason, last.at)
        else:
            self._folder.promote(tenant, task, wanted, last.reason, last.at)
        return wanted

    def _gate_of(self, tenant: str, task: str, version: str) -> dict[str, object] | None:
        found = next((one for one in self._folder.versions(tenant, task) if one.version == version), None)
        if found is None:
            raise VersionNotFoundError("no such version of this model was published", task=task, version=version)
        return None if found.card.gate is None else dict(found.card.gate)

    def _known(self, unit: Unit, tenant: str, task: str) -> list[Release]:
        """The history on record; where there is none, the folder's is put on record first."""
        if self._guard is not None:
            self._guard(unit)
        store = ReleaseStore(unit)
        recorded = store.of_task(task)
        if recorded:
            return [_release(one) for one in recorded]
        before = self._folder.history(tenant, task)
        store.add([_as_record(task, number, one, TAKEN_OVER, None) for number, one in enumerate(before, start=1)])
        return before

    def _record(self, unit: Unit, task: str, release: Release, number: int, gate: dict[str, object] | None) -> None:
        store = ReleaseStore(unit)
        store.add([_as_record(task, number, release, self._who, gate)])
        shadow = store.shadow(task)
        if shadow is not None and (shadow.version == release.version or release.move is Move.ROLLED_BACK):
            store.drop_shadow(task)
        unit.emit(
            f"model.{release.move.value}",
            f"{task}:{number}",
            {
                "task": task,
                "version": release.version,
                "previous": release.previous,
                "reason": release.reason,
                "who": self._who,
            },
            release.at,
        )


def _leads_back_to(history: list[Release], version: str) -> bool:
    """Whether the folder's own way back ends at the version; it may have missed moves."""
    try:
        return going_back(history, "", history[-1].at).version == version if history else False
    except NothingToRollBackError:
        return False


def _release(record: ReleaseRecord) -> Release:
    return Release(
        version=record.version,
        previous=record.previous,
        move=Move(record.move),
        reason=record.reason,
        at=record.at,
    )


def _as_record(task: str, number: int, release: Release, who: str, gate: dict[str, object] | None) -> ReleaseRecord:
    return ReleaseRecord(
        task=task,
        number=number,
        version=release.version,
        previous=release.previous,
        move=release.move.value,
        reason=release.reason,
        who=who,
        at=release.at,
        gate=gate,
    )
