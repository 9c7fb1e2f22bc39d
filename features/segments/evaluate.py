"""Asking every rule, RFM and the life cycle of everybody, and telling who moved; and asking one rule of one customer, with the reason.

Reading and deciding happen on a snapshot; writing is one short transaction a scheme. The same moment asked twice changes and says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.customers.audience_store import AudienceStore
from billing.subscriptions.store import SubscriptionStore
from features.contact.consent import OPTED_OUT
from features.erased.store import ErasureStore
from features.segments.life_cycle import stage_of
from features.segments.observe import (
    LIFE_CYCLE,
    RFM,
    everybody,
    facts_of,
    facts_of_all,
    is_watched,
    tables_of,
    values_of_all,
    visits_of_all,
)
from features.segments.rfm import VIEWS, score
from features.segments.rules.judge import Verdict, holds, is_closed, judge
from features.segments.rules.store import RuleNotFoundError, RuleStore
from features.segments.rules.tree import Compare, Subject, feature_names, nodes
from features.segments.standing.announce import announce
from features.segments.standing.store import INSIDE, StandingStore
from features.sources import microseconds
from features.view import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pyarrow as pa

    from billing.customers.customer import Customer
    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from features.segments.rules.judge import Facts
    from features.segments.rules.store import SegmentRule
    from features.view import Source

Places = dict[str, str]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an evaluation did in one scheme: how many stand in it, how many entered and left, and in how many facts that was told."""

    scheme: str
    standing: int
    entered: int
    left: int
    told: int


def why(unit: Unit, rule: SegmentRule, customer: Customer, now: datetime) -> Verdict:
    """Whether a rule holds for one customer as of now, and the conditions that decided."""
    facts = facts_of(unit, customer, feature_names(rule.tree), now)
    return Verdict(inside=False, because=()) if is_closed(rule.tree, facts) else judge(rule.tree, facts)


def evaluate_all(
    database: Database, scope: Scope, *, now: datetime, tables: Mapping[Source, pa.Table] | None = None
) -> list[Evaluated]:
    """RFM and the life cycle of everybody, and then every rule, which may ask for both. `tables` are the sources before now, if known."""
    with database.view(scope) as unit:
        erased = ErasureStore(unit).ids()
        customers = everybody(unit, without=erased)
        tables = tables_of(unit, now) if tables is None else tables
        rules = RuleStore(unit).all()
    names = sorted({*VIEWS, *(name for rule in rules for name in feature_names(rule.tree))})
    watched = {key: customer for key, customer in customers.items() if is_watched(customer)}
    values = values_of_all(tables, names, list(watched), microseconds(now))
    with database.view(scope) as unit:
        stages, classes = _stages(unit, watched, tables, now), _classes(values)
    done = [_settle(database, scope, LIFE_CYCLE, stages, now), _settle(database, scope, RFM, classes, now)]
    with database.view(scope) as unit:
        facts = facts_of_all(unit, customers, values, _tasks(rules))
    return [*done, *_evaluate(database, scope, rules, facts, now)]


def evaluate_rule(database: Database, scope: Scope, key: str, *, now: datetime) -> Evaluated:
    """One rule of everybody as of now, over the segments as they stand; raises RuleNotFoundError."""
    with database.view(scope) as unit:
        rule = RuleStore(unit).get(key)
        customers = everybody(unit, without=ErasureStore(unit).ids())
        names = feature_names(rule.tree)
        values = values_of_all(tables_of(unit, now), names, list(customers), microseconds(now)) if names else {}
        facts = facts_of_all(unit, customers, values, _tasks([rule]))
    return next(iter(_evaluate(database, scope, [rule], facts, now)), Evaluated(rule.scheme, 0, 0, 0, 0))


def drop_rule(unit: Unit, key: str, now: datetime) -> None:
    """Delete a rule; everybody who was in leaves, and that is told."""
    rule = RuleStore(unit).get(key, lock=True)
    announce(unit, rule.scheme, StandingStore(unit).replace(rule.scheme, {}, now), now)
    RuleStore(unit).delete(key)


def _evaluate(
    database: Database, scope: Scope, rules: Iterable[SegmentRule], facts: Mapping[str, Facts], now: datetime
) -> list[Evaluated]:
    done = []
    for rule in rules:
        places = {
            customer: INSIDE
            for customer, known in facts.items()
            if not is_closed(rule.tree, known) and holds(rule.tree, known)
        }
        with database.unit(scope) as unit:
            if _unchanged(unit, rule):
                done.append(_write(unit, rule.scheme, places, now))
                RuleStore(unit).evaluated(rule.key, now)
    return done


def _unchanged(unit: Unit, rule: SegmentRule) -> bool:
    """Whether the rule is still what was asked; one that was changed meanwhile is asked next time."""
    try:
        return RuleStore(unit).get(rule.key, lock=True).revision == rule.revision
    except RuleNotFoundError:
        return False


def _settle(database: Database, scope: Scope, scheme: str, places: Places, now: datetime) -> Evaluated:
    """A scheme that is a profile: who opted out since the snapshot stands nowhere in it."""
    with database.unit(scope) as unit:
        closed = AudienceStore(unit).agreeing(OPTED_OUT)
        return _write(unit, scheme, {key: place for key, place in places.items() if key not in closed}, now)


def _write(unit: Unit, scheme: str, places: Places, now: datetime) -> Evaluated:
    StandingStore(unit).lock()
    erased = ErasureStore(unit).ids()  # somebody may have been erased since the snapshot
    kept = {customer: segment for customer, segment in places.items() if customer not in erased}
    moves = StandingStore(unit).replace(scheme, kept, now)
    told = announce(unit, scheme, moves, now)
    return Evaluated(scheme, len(kept), _count(moves.entered), _count(moves.left), told)


def _count(moved: Mapping[str, list[str]]) -> int:
    return sum(len(customers) for customers in moved.values())


def _stages(unit: Unit, customers: Mapping[str, Customer], tables: Mapping[Source, pa.Table], now: datetime) -> Places:
    visits = visits_of_all(tables, now)
    running, today = SubscriptionStore(unit).running_of(customers), microseconds(now) // DAY_US
    return {
        customer: stage_of(
            visits.days.get(customer, []), today, typical_gap=visits.typical_gap, subscribed=customer in running
        ).stage.value
        for customer in customers
    }


def _classes(values: Mapping[str, Mapping[str, int | float]]) -> Places:
    columns = [[row[name] for row in values.values()] for name in VIEWS]
    found = score(*columns) if values else []
    return {customer: each.name for customer, each in zip(values, found, strict=True) if each is not None}


def _tasks(rules: Iterable[SegmentRule]) -> list[str]:
    """The models' tasks whose scores the rules ask for."""
    leaves = (node for rule in rules for node in nodes(rule.tree) if isinstance(node, Compare))
    return sorted({leaf.name for leaf in leaves if leaf.subject is Subject.SCORE})
