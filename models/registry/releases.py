"""The moves of a champion, pure: which releases follow from a history, and what a rollback goes back to.

A promotion puts a version on top of a stack and a rollback takes one off, so rolling back twice goes back two champions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from models.registry.port import Move, NothingToRollBackError, Release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def champion_of(history: Sequence[Release]) -> str | None:
    """The version that the last move made champion."""
    return history[-1].version if history else None


def promotion(history: Sequence[Release], version: str, reason: str, at: datetime) -> Release | None:
    """The release that promotes the version, or None if it is the champion already."""
    champion = champion_of(history)
    if champion == version:
        return None
    return Release(version=version, previous=champion, move=Move.PROMOTED, reason=reason, at=at)


def going_back(history: Sequence[Release], reason: str, at: datetime) -> Release:
    """The release that goes back one champion."""
    stack: list[str] = []
    for release in history:
        if release.move is Move.PROMOTED:
            stack.append(release.version)
        else:
            stack.pop()
    if len(stack) < 2:
        raise NothingToRollBackError("there is no earlier champion to go back to", champion=champion_of(history))
    return Release(version=stack[-2], previous=stack[-1], move=Move.ROLLED_BACK, reason=reason, at=at)


def to_document(release: Release) -> dict[str, Any]:
    """A release as JSON values."""
    return {
        "version": release.version,
        "previous": release.previous,
        "move": release.move.value,
        "reason": release.reason,
        "at": release.at.astimezone(UTC).isoformat(),
    }


def from_document(document: Mapping[str, Any]) -> Release:
    """The release that `to_document` wrote."""
    return Release(
        version=document["version"],
        previous=document["previous"],
        move=Move(document["move"]),
        reason=document["reason"],
        at=datetime.fromisoformat(document["at"]),
    )
