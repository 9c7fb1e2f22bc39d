"""What a customer did lately that an offer may answer, and what forbids selling to them now: read, and judged by the pure triggers.

Signals come two ways. What is known at once (limits, refusals, the life cycle) is judged here; events, scores and use over weeks are judged
by the worker and kept. Both use the same triggers and the same once-keys, so it does not matter who saw a crossing first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.payments.collection_store import DunningStore
from billing.subscriptions.subscription import Status
from features.contact.consent import OPTED_OUT
from features.offers.policy import OfferPolicy
from features.signals.restraints.restraint import CANCELLING, PAYMENT_FAILED, HoldBack
from features.signals.restraints.store import RestraintStore
from features.signals.setup.store import SetupStore
from features.signals.store import SignalStore
from models.offers.context import LimitUse, Negative, Signal
from models.triggers.facts import Facts, Standing
from models.triggers.registry import PERSONAL, fire
from models.triggers.rules.cancelling import CancelStarted
from models.triggers.rules.denied_access import DeniedAccess
from models.triggers.rules.life_cycle import LifeCycle
from models.triggers.rules.limit_share import LimitShare
from models.triggers.rules.missing_function import MissingFunction
from serving.predict.denials import denials_by_day, judged
from serving.predict.keep_signals import silent_of
from serving.predict.levels import levels_of, levels_under

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.entitlements.grant import Grant
    from billing.subscriptions.subscription import Subscription
    from features.signals.record import Raised
    from models.triggers.contract import Fired
    from models.triggers.facts import LimitLevel
    from serving.wiring import Services

AT_ONCE = (LimitShare(), DeniedAccess(), LifeCycle(), CancelStarted())
_AS_LONG_AS_IT_HOLDS = frozenset({LimitShare.key, LifeCycle.key})
_UNTIL_THEY_HAVE_IT = frozenset({DeniedAccess.key, MissingFunction.key})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a customer: signals strongest first, one a trigger and subject.

    `fresh` are those that nobody has kept yet; who writes the decision keeps them with it (`keep_signals`).
    """

    limits: tuple[LimitUse, ...]
    denials: Mapping[str, int]
    signals: tuple[Signal, ...]
    negatives: tuple[Negative, ...]
    fresh: tuple[Fired, ...] = ()


def signals_of(
    unit: Unit,
    services: Services,
    customer: Customer,
    running: Subscription | None,
    *,
    now: datetime,
    thresholds: tuple[int, ...] = OfferPolicy().limit_thresholds,
) -> Seen:
    """What counts for a customer now; `thresholds` (percent of a limit) are the policy's. Reads only."""
    settings, incident = SetupStore(unit).read(now)
    grants = GrantStore(unit).of_customer(customer.id, now)
    features = CatalogStore(unit).features()
    locked = locked_under(features, grants)
    days = denials_by_day(
        services.counters, unit.scope.tenant_id, customer.key, locked, now=now, days=settings.denial_days
    )
    known = SignalStore(unit).known(customer.id, now)
    facts = Facts(
        now=now,
        settings=settings,
        thresholds=thresholds,
        silent=silent_of(known, now),
        limits=levels_under(unit, features, {customer.id: grants}, now=now).get(customer.id, ()),
        denials=tuple(
            judged(feature, features[feature].name, counts, settings.denials) for feature, counts in days.items()
        ),
        standing=standing_of(running),
    )
    negatives = negatives_of(unit, customer.id, running, incident, now=now)
    fresh = _fresh(facts, known)
    kept = [
        raised
        for raised in _still_true(known, facts, running, locked)
        if _may_be_read(raised, customer) and (raised.trigger != CancelStarted.key or _is_leaving(negatives))
    ]
    return Seen(
        limits=_uses(facts.limits),
        denials={each.feature: each.count for each in facts.denials if each.count},
        signals=_strongest([*map(_kept_signal, kept), *map(_fired_signal, fresh)]),
        negatives=negatives,
        fresh=fresh,
    )


def negatives_of(
    unit: Unit, customer_id: str, running: Subscription | None, incident: HoldBack | None, *, now: datetime
) -> tuple[Negative, ...]:
    """What forbids selling to a customer now: what they owe, what is broken, tickets, and leaving."""
    found = [] if incident is None else [incident]
    found += RestraintStore(unit).of_customer(customer_id, now)
    late = [dunning.past_due_at for dunning in DunningStore(unit).past_due_of_customer(customer_id)]
    since = min((at for at in late if at is not None), default=None)
    if since is not None:
        found.append(HoldBack(kind=PAYMENT_FAILED, since=since))
    if running is not None and running.status is Status.CANCELLING:
        found.append(HoldBack(kind=CANCELLING, since=now, until=running.ends_at))
    return tuple(Negative(kind=each.kind, since=each.since, until=each.until) for each in found)


def standing_of(running: Subscription | None) -> Standing | None:
    """Where a subscription is in its life; nothing of one that is paused."""
    if running is None or running.status is Status.PAUSED:
        return None
    if running.status is Status.CANCELLING:
        return Standing(plan=running.plan_key, ends_at=running.ends_at)
    number = max(running.billed_periods, 1)
    renews_at = running.cadence.boundary(number)
    return Standing(
        plan=running.plan_key,
        trial_ends_at=running.trial_ends_at if running.status is Status.TRIALING else None,
        renews_at=renews_at,
        period_days=(renews_at - running.cadence.boundary(number - 1)).days,
    )


def limits_of(unit: Unit, customer_id: str, *, now: datetime) -> tuple[LimitUse, ...]:
    """How close a customer is to each limit they have."""
    return _uses(levels_of(unit, [customer_id], now=now).get(customer_id, ()))


def locked_features(unit: Unit, customer_id: str, *, now: datetime) -> list[str]:
    """The features a customer has no right to now."""
    return locked_under(CatalogStore(unit).features(), GrantStore(unit).of_customer(customer_id, now))


def locked_under(features: Iterable[str], grants: Iterable[Grant]) -> list[str]:
    """The features that these rights do not give: a refusal of anything else is history."""
    held = {grant.feature for grant in grants if grant.value is not False}
    return [feature for feature in features if feature not in held]


def _uses(levels: Iterable[LimitLevel]) -> tuple[LimitUse, ...]:
    return tuple(LimitUse(feature=each.feature, name=each.name, used=each.used, limit=each.limit) for each in levels)


def _fresh(facts: Facts, known: Sequence[Raised]) -> tuple[Fired, ...]:
    kept = {(raised.trigger, raised.once_key) for raised in known}
    return tuple(fired for fired in fire(facts, AT_ONCE) if (fired.trigger, fired.once_key) not in kept)


def _still_true(
    known: Sequence[Raised], facts: Facts, running: Subscription | None, locked: Sequence[str]
) -> list[Raised]:
    """Those that count and whose reason still holds as far as it can be seen: a limit that was raised is not near any more."""
    live = {(fired.trigger, fired.once_key) for fired in fire(replace(facts, silent=frozenset()), AT_ONCE)}
    return [
        raised
        for raised in known
        if raised.counts(facts.now)
        and (raised.trigger not in _AS_LONG_AS_IT_HOLDS or (raised.trigger, raised.once_key) in live)
        and (raised.trigger not in _UNTIL_THEY_HAVE_IT or _is_missing(raised, running, locked))
    ]


def _is_missing(raised: Raised, running: Subscription | None, locked: Sequence[str]) -> bool:
    if raised.evidence.get("kind", "feature") == "feature":
        return raised.subject in locked
    return running is None or raised.subject is None or not running.owns(raised.subject)


def _is_leaving(negatives: Iterable[Negative]) -> bool:
    return any(negative.kind == CANCELLING for negative in negatives)


def _may_be_read(raised: Raised, customer: Customer) -> bool:
    return OPTED_OUT not in customer.consents or raised.trigger not in PERSONAL


def _kept_signal(raised: Raised) -> Signal:
    return Signal(
        trigger=raised.trigger,
        subject=raised.subject,
        strength=raised.strength,
        at=raised.at,
        evidence=dict(raised.evidence),
    )


def _fired_signal(fired: Fired) -> Signal:
    return Signal(
        trigger=fired.trigger,
        subject=fired.subject,
        strength=fired.strength,
        at=fired.at,
        evidence=dict(fired.evidence),
    )


def _strongest(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """One a trigger and subject, strongest first; of equally strong ones the latest."""
    ordered = sorted(signals, key=lambda each: (each.strength, each.at), reverse=True)
    found: dict[tuple[str, str | None], Signal] = {}
    for signal in ordered:
        found.setdefault((signal.trigger, signal.subject), signal)
    return tuple(found.values())
