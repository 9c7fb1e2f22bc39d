"""What triggers look at, gathered beforehand: one customer at one moment, or one event of theirs. Numbers are of units and events; no I/O.

A part that was not looked at is empty, and the triggers that read it find nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from features.signals.settings import SignalSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLevel:
    """How full a limit is: `used` of `limit` units in the period from `starts_at` to `ends_at`."""

    feature: str
    name: str
    used: int
    limit: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Denials:
    """How often a feature was refused within the sliding window, and the first day (since 1970, UTC) by which it was often enough."""

    feature: str
    name: str
    count: int
    reached_on: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event of a type that was given a meaning."""

    type: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a customer wrote, and where: an event's type, or `feedback`."""

    text: str
    said_in: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """Something sold that this customer does not have: the words it goes by, and proper `names` that count only as they are written.

    "Pro" and "Plus" are words of many languages; as names they begin with a capital letter.
    """

    kind: str
    key: str
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Events of the last seven days, of the weeks before (latest first), and their types now and before."""

    week: int
    weeks_before: tuple[int, ...]
    types: frozenset[str]
    types_before: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The running subscription: its plan, when a trial ends, it renews, or ends for good, and how long its periods are."""

    plan: str
    trial_ends_at: datetime | None = None
    renews_at: datetime | None = None
    ends_at: datetime | None = None
    period_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnLevel:
    """The chance of leaving that a model gave as of a moment, from 0 to 1."""

    risk: float
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One customer at `now`. `silent` are the (trigger, subject) pairs that may not fire again yet; `thresholds` percent of a limit."""

    now: datetime
    settings: SignalSettings = field(default_factory=SignalSettings)
    thresholds: tuple[int, ...] = (80, 95, 100)
    silent: frozenset[tuple[str, str | None]] = frozenset()
    limits: tuple[LimitLevel, ...] = ()
    denials: tuple[Denials, ...] = ()
    happenings: tuple[Happening, ...] = ()
    words: tuple[Words, ...] = ()
    missing: tuple[Function, ...] = ()
    activity: Activity | None = None
    standing: Standing | None = None
    churn: ChurnLevel | None = None
