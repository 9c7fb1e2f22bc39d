"""What events tell of customers: facts for the triggers, and restraints that they begin or end. Reads what it needs, a batch at a time."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.metering.received_store import ReceivedStore
from billing.subscriptions.store import SubscriptionStore
from features.signals.record import LONGEST_KEY
from features.signals.restraints.restraint import CANCELLING, TICKET_OPEN, Change
from models.triggers.facts import Activity, Facts, Function, Happening, Words
from models.triggers.registry import fire
from models.triggers.rules.cancelling import CancelStarted
from models.triggers.rules.intent import IntentShown
from models.triggers.rules.missing_function import MissingFunction
from serving.predict.signals import locked_under, standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.entitlements.grant import Grant
    from billing.metering.received_store import Received
    from billing.subscriptions.subscription import Subscription
    from features.signals.settings import SignalSettings
    from models.triggers.contract import Fired

BY_EVENTS = (IntentShown(), MissingFunction(), CancelStarted())
WEEKS: Final = 5
_TEXTS: Final = ("subject", "text", "message", "body", "reason")
_TICKETS: Final = ("ticket", "ticket_id", "id")
_UNNAMED: Final = "-"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch of events says: signals by customer id, and restraints."""

    fired: list[tuple[str, Fired]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sold:
    """What a shop sells, read once for many customers."""

    features: Mapping[str, Feature]
    plans: Mapping[str, PlanVersion]
    synonyms: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, unit: Unit, settings: SignalSettings) -> Sold:
        """As of now."""
        catalog = CatalogStore(unit)
        return cls(catalog.features(), catalog.current(), settings.synonyms)

    def missing(self, grants: Iterable[Grant], running: Subscription | None) -> tuple[Function, ...]:
        """What a customer does not have: features they have no right to, higher plans, and add-ons."""
        found = [
            Function(kind="feature", key=key, words=(self.features[key].name, *self._other(key)))
            for key in locked_under(self.features, grants)
        ]
        rank = self.plans[running.plan_key].rank if running is not None and running.plan_key in self.plans else -1
        for key, version in self.plans.items():
            if (running is not None and running.owns(key)) or (version.kind is PlanKind.PLAN and version.rank <= rank):
                continue
            found.append(Function(kind=version.kind.value, key=key, words=self._other(key), names=(version.plan_name,)))
        return tuple(found)

    def _other(self, key: str) -> tuple[str, ...]:
        return tuple(self.synonyms.get(key, ()))


def judge(unit: Unit, batch: Sequence[Received], settings: SignalSettings, *, now: datetime) -> Judged:
    """What the triggers and the restraints make of a batch of events of any customers."""
    judged = Judged()
    if not batch:
        return judged
    by_customer: defaultdict[str, list[Received]] = defaultdict(list)
    for event in batch:
        by_customer[event.customer_id].append(event)
    running = SubscriptionStore(unit).running_of(by_customer)
    grants = GrantStore(unit).of_customers(sorted(by_customer), now)
    sold = Sold.read(unit, settings)
    for customer_id, events in by_customer.items():
        subscription = running.get(customer_id)
        facts = Facts(
            now=now,
            settings=settings,
            happenings=tuple(Happening(type=event.type, at=event.at, data=event.data) for event in events),
            words=tuple(words for event in events if event.type in settings.tells for words in _words(event)),
            missing=sold.missing(grants.get(customer_id, ()), subscription),
            standing=standing_of(subscription),
        )
        judged.fired.extend((customer_id, fired) for fired in fire(facts, BY_EVENTS))
        judged.changes.extend(change for event in events for change in _changes(event, settings))
    return judged


def activities_of(unit: Unit, customers: Sequence[str], *, now: datetime) -> dict[str, Activity]:
    """How much these customers (by id) did in the last seven days and in the four weeks before; who did nothing is left out."""
    weeks: defaultdict[str, list[int]] = defaultdict(lambda: [0] * WEEKS)
    types: defaultdict[str, set[str]] = defaultdict(set)
    before: defaultdict[str, set[str]] = defaultdict(set)
    for customer, kind, counts in ReceivedStore(unit).weekly(customers, now, WEEKS):
        weeks[customer] = [one + other for one, other in zip(weeks[customer], counts, strict=True)]
        if counts[0]:
            types[customer].add(kind)
        if any(counts[1:]):
            before[customer].add(kind)
    return {
        customer: Activity(
            week=counts[0],
            weeks_before=tuple(counts[1:]),
            types=frozenset(types[customer]),
            types_before=frozenset(before[customer]),
        )
        for customer, counts in weeks.items()
    }


def _words(event: Received) -> Iterable[Words]:
    said = [value for name in _TEXTS if isinstance(value := event.data.get(name), str) and value.strip()]
    if said:
        yield Words(text="\n".join(said), said_in=event.type, at=event.at)


def _changes(event: Received, settings: SignalSettings) -> Iterable[Change]:
    ticket, leaving = timedelta(days=settings.ticket_days), timedelta(days=settings.cancel_days)
    meanings = (
        (settings.ticket_opened, TICKET_OPEN, _ticket(event), ticket),
        (settings.ticket_closed, TICKET_OPEN, _ticket(event), None),
        (settings.cancel_started, CANCELLING, _UNNAMED, leaving),
        (settings.cancel_given_up, CANCELLING, _UNNAMED, None),
    )
    for types, kind, reference, lasts in meanings:
        if event.type in types:
            yield Change(
                customer_id=event.customer_id,
                kind=kind,
                reference=reference,
                at=event.at,
                begins=lasts is not None,
                lapses_at=None if lasts is None else event.at + lasts,
            )


def _ticket(event: Received) -> str:
    """What tells this ticket from others; events that name none are all about one."""
    named = next((value for name in _TICKETS if (value := event.data.get(name)) is not None), _UNNAMED)
    text = str(named) or _UNNAMED
    return text if len(text) <= LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()
