"""The triggers in force, one line each. A new trigger is a file in `rules/`, a line here, and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.triggers.rules.cancelling import CancelStarted
from models.triggers.rules.churn_risk import ChurnRisk
from models.triggers.rules.denied_access import DeniedAccess
from models.triggers.rules.engagement import Engagement
from models.triggers.rules.intent import IntentShown
from models.triggers.rules.life_cycle import LifeCycle
from models.triggers.rules.limit_share import LimitShare
from models.triggers.rules.missing_function import MissingFunction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.triggers.contract import Fired, Trigger
    from models.triggers.facts import Facts

TRIGGERS: tuple[Trigger, ...] = (
    LimitShare(),
    DeniedAccess(),
    IntentShown(),
    Engagement(),
    MissingFunction(),
    LifeCycle(),
    ChurnRisk(),
    CancelStarted(),
)

PERSONAL = frozenset({Engagement.key, ChurnRisk.key, IntentShown.key})
"""Triggers that watch behaviour; who opted out of profiling raises none of them. What they ran into or said is another matter."""


def fire(facts: Facts, triggers: Sequence[Trigger] = TRIGGERS) -> list[Fired]:
    """What every trigger finds, in the order of the registry, each once-key once."""
    found = {(fired.trigger, fired.once_key): fired for trigger in reversed(triggers) for fired in trigger.fires(facts)}
    order = {trigger.key: place for place, trigger in enumerate(triggers)}
    return sorted(found.values(), key=lambda fired: (order[fired.trigger], fired.once_key))
