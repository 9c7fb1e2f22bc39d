"""What is kept of a release and of a challenger in the shadow. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """The `number`-th move of a task's champion, counted from 1; `move` is "promoted" or "rolled_back", `who` a person, a key or a run."""

    task: str
    number: int
    version: str
    previous: str | None
    move: str
    reason: str
    who: str
    at: datetime
    gate: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A challenger that the gate let in and that scores beside the champion, unserved; `compared` is the newest comparison."""

    task: str
    version: str
    since: datetime
    until: datetime
    reason: str
    compared: Mapping[str, Any] = field(default_factory=dict)
