"""The worker's look for signals: new events, limits that filled up, use over weeks, and new scores, each from where the last look ended.

A look reads in a view, judges with the pure triggers, and writes what is new together with how far it has come: after a kill the next one
goes on from there, and what it sees twice is raised once. Events are read again from some minutes before, since who stores an event may
commit a little after others who received theirs later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.customers.store import CustomerStore
from billing.metering.received_store import ReceivedStore
from features.contact.consent import OPTED_OUT
from features.offers.store import OfferPolicyStore
from features.scores.store import ScoreStore
from features.signals.restraints.store import RestraintStore
from features.signals.setup.store import SetupStore
from features.signals.store import SignalStore
from models.triggers.facts import ChurnLevel, Facts
from models.triggers.registry import fire
from models.triggers.rules.churn_risk import ChurnRisk, is_calm
from models.triggers.rules.engagement import Engagement
from models.triggers.rules.limit_share import LimitShare
from serving.predict.keep_signals import keep_all, silent_of
from serving.predict.levels import levels_of, metered_types
from serving.predict.told import activities_of, judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from features.signals.settings import SignalSettings
    from models.triggers.contract import Fired

EVENTS: Final = "events"
LIMITS: Final = "limits"
ENGAGEMENT: Final = "engagement"
CHURN: Final = "churn"
OVERLAP: Final = timedelta(minutes=5)
FIRST_LOOK: Final = timedelta(days=7)
DAILY: Final = timedelta(days=1)
_MOVE_ON: Final = timedelta(hours=1)
_KEPT_FOR: Final = timedelta(days=180)
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one tenant's customers as of `now`."""

    database: Database
    scope: Scope
    now: datetime
    settings: SignalSettings
    thresholds: tuple[int, ...]
    looked: dict[str, datetime | None]

    def since(self, name: str) -> datetime:
        """From when on a look has to read, with what may have come in late."""
        last = self.looked[name]
        return self.now - FIRST_LOOK if last is None else last - OVERLAP

    def is_due(self, name: str, every: timedelta) -> bool:
        """Whether so much time has passed since the last look of this name."""
        last = self.looked[name]
        return last is None or last + every <= self.now


def tend_signals(database: Database, scope: Scope, *, now: datetime) -> int:
    """Look at everything that is new for a tenant; the answer is how many signals were raised."""
    with database.view(scope) as unit:
        settings, _ = SetupStore(unit).read(now)
        looked = {name: SetupStore(unit).looked_until(name) for name in (EVENTS, LIMITS, ENGAGEMENT, CHURN)}
        look = Look(database, scope, now, settings, OfferPolicyStore(unit).get().limit_thresholds, looked)
    return _events(look) + _limits(look) + _engagement(look) + _churn(look)


def _events(look: Look) -> int:
    """What new events say: intents, words, tickets and cancellations, batch by batch."""
    raised, last = 0, None
    while True:
        with look.database.view(look.scope) as unit:
            batch = ReceivedStore(unit).events(look.settings.event_types, look.since(EVENTS), after=last, limit=_BATCH)
            judged = judge(unit, batch, look.settings, now=look.now)
        if batch:
            last = batch[-1]
            with look.database.unit(look.scope) as unit:
                raised += len(keep_all(unit, judged.fired, now=look.now))
                RestraintStore(unit).apply(judged.changes)
                SetupStore(unit).look(EVENTS, last.received_at)
        if len(batch) < _BATCH:
            break
    if look.is_due(EVENTS, _MOVE_ON):
        _move_on(look, EVENTS)
    return raised


def _limits(look: Look) -> int:
    """Limits of those whose metered events came in."""
    with look.database.view(look.scope) as unit:
        customers = ReceivedStore(unit).customers(look.since(LIMITS), metered_types(unit))
    raised = 0
    for part in _parts(customers):
        with look.database.view(look.scope) as unit:
            levels = levels_of(unit, part, now=look.now)
            known = SignalStore(unit).known_of(part, look.now)
        found = []
        for customer, limits in levels.items():
            kept = {raised.once_key for raised in known.get(customer, ()) if raised.trigger == LimitShare.key}
            facts = Facts(now=look.now, settings=look.settings, thresholds=look.thresholds, limits=limits)
            found += [(customer, fired) for fired in fire(facts, [LimitShare()]) if fired.once_key not in kept]
        raised += _keep(look, found)
    if customers or look.is_due(LIMITS, _MOVE_ON):
        _move_on(look, LIMITS)
    return raised


def _engagement(look: Look) -> int:
    """Once a day, how much those who sent events lately use against their own past; nobody who opted out of profiling."""
    if not look.is_due(ENGAGEMENT, DAILY):
        return 0
    with look.database.view(look.scope) as unit:
        customers = ReceivedStore(unit).customers(look.since(ENGAGEMENT))
    raised = 0
    for part in _parts(customers):
        with look.database.view(look.scope) as unit:
            watched = _watched(unit, part)
            known = SignalStore(unit).known_of(watched, look.now)
            activities = activities_of(unit, watched, now=look.now)
        found = [
            (customer, fired)
            for customer, activity in activities.items()
            for fired in fire(
                Facts(
                    now=look.now,
                    settings=look.settings,
                    silent=silent_of(known.get(customer, ()), look.now),
                    activity=activity,
                ),
                [Engagement()],
            )
        ]
        raised += _keep(look, found)
    with look.database.unit(look.scope) as unit:
        SetupStore(unit).look(ENGAGEMENT, look.now)
        SignalStore(unit).sweep(look.now - _KEPT_FOR)
    return raised


def _churn(look: Look) -> int:
    """When scores are new: who has become a risk, and who is one no more."""
    with look.database.view(look.scope) as unit:
        as_of, last = ScoreStore(unit).as_of(CHURN), look.looked[CHURN]
        if as_of is None or (last is not None and as_of <= last):
            return 0
        high = {
            score.customer_id: score for score in ScoreStore(unit).at_least(CHURN, look.settings.churn_percent / 100)
        }
        held = SignalStore(unit).held_open(ChurnRisk.key)
        scores = ScoreStore(unit).of_task(CHURN, held)
    calm = [who for who in held if who not in scores or is_calm(scores[who].value, look.settings)]
    found = [
        (customer, fired)
        for customer, score in high.items()
        if customer not in held
        for fired in fire(
            Facts(now=look.now, settings=look.settings, churn=ChurnLevel(risk=score.value, as_of=score.as_of)),
            [ChurnRisk()],
        )
    ]
    with look.database.unit(look.scope) as unit:
        SignalStore(unit).rearm(ChurnRisk.key, calm, look.now)
        raised = len(keep_all(unit, found, now=look.now))
        SetupStore(unit).look(CHURN, as_of)
    return raised


def _keep(look: Look, found: Sequence[tuple[str, Fired]]) -> int:
    if not found:
        return 0
    with look.database.unit(look.scope) as unit:
        return len(keep_all(unit, found, now=look.now))


def _move_on(look: Look, name: str) -> None:
    with look.database.unit(look.scope) as unit:
        SetupStore(unit).look(name, look.now)


def _watched(unit: Unit, customers: Sequence[str]) -> list[str]:
    """Those of the customers who did not opt out of profiling."""
    found = CustomerStore(unit).by_ids(customers)
    return [customer for customer in customers if customer in found and OPTED_OUT not in found[customer].consents]


def _parts(customers: Sequence[str]) -> list[Sequence[str]]:
    return [customers[start : start + _BATCH] for start in range(0, len(customers), _BATCH)]
