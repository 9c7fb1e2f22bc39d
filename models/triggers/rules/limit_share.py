"""A limit has filled up to a threshold: once for each threshold, limit and period, and again only after the period has begun anew.

The thresholds are the policy's (80, 95 and 100 percent by default; experiments study, section 8). When use jumps over several of them, each
is raised, so that a correction of usage afterwards raises none of the lower ones late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.triggers.facts import Facts, LimitLevel

_PERCENT: Final = 100


class LimitShare:
    """Fires about a feature whose limit is used up to a threshold or beyond."""

    key: ClassVar[str] = "limit_share"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """One for each threshold that is reached; a limit of nothing is full by being there, which is no crossing."""
        for level in facts.limits:
            if level.limit <= 0:
                continue
            for threshold in sorted(set(facts.thresholds)):
                if level.used * _PERCENT >= threshold * level.limit:
                    yield self._crossed(facts, level, threshold)

    def _crossed(self, facts: Facts, level: LimitLevel, threshold: int) -> Fired:
        return Fired(
            trigger=self.key,
            subject=level.feature,
            strength=min(threshold, _PERCENT) / _PERCENT,
            once_key=f"{level.feature}:{threshold}:{level.limit}:{level.starts_at:%Y-%m-%dT%H:%M:%S}",
            at=facts.now,
            expires_at=level.ends_at,
            rearms_at=level.ends_at,
            evidence={
                "name": level.name,
                "threshold": threshold,
                "used": level.used,
                "limit": level.limit,
                "share": round(level.used / level.limit, 4),
            },
        )
