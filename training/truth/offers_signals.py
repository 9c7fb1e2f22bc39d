"""The signals of a simulated visit: raised by the product's own triggers, kept as the product keeps them, once a key, until they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.offers.context import Signal
from models.triggers.facts import Denials, Facts, Happening, LimitLevel
from models.triggers.registry import fire
from training.simulate.offers import DELIVERIES, PERIOD_WEEKS, START

if TYPE_CHECKING:
    from datetime import datetime

    from models.triggers.contract import Fired
    from training.simulate.offers_life import Seen

WEEK: Final = timedelta(days=7)
_NAMES: Final = {DELIVERIES: "Deliveries"}


def instant(week: float) -> datetime:
    """When a moment of the simulation is, in UTC."""
    return START + week * WEEK


@dataclass(slots=True)
class SignalBook:
    """One customer's signals."""

    known: set[tuple[str, str]] = field(default_factory=set)
    alive: list[Fired] = field(default_factory=list)
    rearms: dict[tuple[str, str | None], datetime | None] = field(default_factory=dict)

    def at(self, seen: Seen, now: datetime) -> tuple[Signal, ...]:
        """What counts at a visit: what was raised before and has not ended, and what the triggers find now."""
        silent = {place for place, until in self.rearms.items() if until is None or now < until}
        for fired in fire(_facts(seen, now, frozenset(silent))):
            if (fired.trigger, fired.once_key) not in self.known:
                self.known.add((fired.trigger, fired.once_key))
                self.alive.append(fired)
                self.rearms[fired.trigger, fired.subject] = fired.rearms_at
        self.alive = [fired for fired in self.alive if now < fired.expires_at and _holds(fired, seen)]
        return tuple(
            Signal(
                trigger=fired.trigger,
                subject=fired.subject,
                strength=fired.strength,
                at=fired.at,
                evidence=fired.evidence,
            )
            for fired in self.alive
        )


def _holds(fired: Fired, seen: Seen) -> bool:
    """A limit that was raised since is no longer full."""
    if fired.subject != DELIVERIES or seen.limit is None:
        return fired.subject != DELIVERIES
    return seen.used * 100 >= int(fired.evidence.get("threshold", 0)) * seen.limit


def _facts(seen: Seen, now: datetime, silent: frozenset[tuple[str, str | None]]) -> Facts:
    limits: tuple[LimitLevel, ...] = ()
    if seen.limit is not None:
        limits = (
            LimitLevel(
                feature=DELIVERIES,
                name=_NAMES[DELIVERIES],
                used=seen.used,
                limit=seen.limit,
                starts_at=instant(seen.period_from),
                ends_at=instant(seen.period_from + PERIOD_WEEKS),
            ),
        )
    today = (now - START).days
    denials = tuple(
        Denials(feature=feature, name=feature, count=times, reached_on=today)
        for feature, times in seen.denials.items()
        if feature != DELIVERIES
    )
    looked = (Happening(type="pricing_page_viewed", at=now),) if seen.looked_at_prices else ()
    return Facts(now=now, limits=limits, denials=denials, happenings=looked, silent=silent)
