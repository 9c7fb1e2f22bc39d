"""What is learned as JSON: training runs, model versions with their cards, releases, challengers and looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.api.documents import instant

if TYPE_CHECKING:
    from datetime import datetime

    from features.releases.record import ReleaseRecord, Shadow
    from features.runs.run import Run
    from features.runs.settings import LearningSettings
    from features.watch.store import Watch
    from models.card import ModelCard
    from models.registry.port import ModelVersion


def training_run(value: Run) -> dict[str, Any]:
    """A training run; `done` is a share from 0 to 1."""
    return {
        "id": value.id,
        "task": value.task,
        "state": value.state.value,
        "trigger": value.trigger.value,
        "seed": value.seed,
        "force": value.force,
        "words": value.words,
        "done": value.done,
        "cancel_requested": value.cancel_requested,
        "reason": value.reason,
        "version": value.version,
        "snapshot": value.snapshot_hash,
        "as_of": instant(value.as_of),
        "requested_at": instant(value.requested_at),
        "started_at": instant(value.started_at),
        "heartbeat_at": instant(value.heartbeat_at),
        "finished_at": instant(value.finished_at),
    }


def settings(value: LearningSettings, next_at: datetime | None) -> dict[str, Any]:
    """How a tenant's models learn by themselves, and when next."""
    return {
        "every": value.every.value,
        "hour": value.hour,
        "shadow_days": value.shadow_days,
        "next_at": instant(next_at),
    }


def version_line(value: ModelVersion, champion: str | None, challenger: str | None) -> dict[str, Any]:
    """A version in a list: which it is, what it may do and the gate's sentence."""
    card = value.card
    roles = {champion: "champion", challenger: "challenger"}
    return {
        "version": value.version,
        "role": roles.get(value.version, "kept"),
        "rung": card.rung,
        "as_of": instant(card.as_of),
        "rows": card.rows,
        "gate": (card.gate or {}).get("reason", ""),
        "sha256": value.sha256,
    }


def card(value: ModelCard) -> dict[str, Any]:
    """A whole card. What only a watcher reads, the bins of every feature, is left out."""
    return {name: part for name, part in value.to_document().items() if name != "reference"}


def release(value: ReleaseRecord) -> dict[str, Any]:
    """A move of a champion."""
    return {
        "number": value.number,
        "version": value.version,
        "previous": value.previous,
        "move": value.move,
        "reason": value.reason,
        "who": value.who,
        "at": instant(value.at),
    }


def shadow(value: Shadow | None) -> dict[str, Any] | None:
    """The challenger, where there is one."""
    if value is None:
        return None
    return {
        "version": value.version,
        "since": instant(value.since),
        "until": instant(value.until),
        "reason": value.reason,
        "compared": dict(value.compared),
    }


def watch(value: Watch | None) -> dict[str, Any] | None:
    """The newest look, where there is one."""
    if value is None:
        return None
    return {
        "at": instant(value.at),
        "version": value.version,
        "alarm": value.alarm,
        "sentence": value.sentence,
        **dict(value.document),
    }
