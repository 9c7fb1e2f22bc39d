"""Facts for triggers, with everything quiet but what a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from models.triggers.facts import Denials, Facts, Happening, LimitLevel

NOW = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def facts(**known: Any) -> Facts:
    """What is known at NOW."""
    return Facts(**{"now": NOW, **known})


def level(used: int, limit: int = 100, **other: Any) -> LimitLevel:
    """A limit on exports in March."""
    period = {"starts_at": datetime(2026, 3, 1, tzinfo=UTC), "ends_at": datetime(2026, 4, 1, tzinfo=UTC)}
    return LimitLevel(**{"feature": "exports", "name": "Exports", "used": used, "limit": limit, **period, **other})


def denied(count: int, reached_on: int | None = 20_000, feature: str = "api") -> Denials:
    """Refusals of a feature."""
    return Denials(feature=feature, name="API", count=count, reached_on=reached_on)


def happening(kind: str, days_ago: float = 0.0, **data: Any) -> Happening:
    """An event some days ago."""
    return Happening(type=kind, at=NOW - days_ago * DAY, data=data)
