"""Asking the gate: load a customer's rights and usage, decide, and say what would unlock a denial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.catalog.item import FeatureKind
from billing.catalog.plan import PlanKind
from billing.catalog.setting import Setting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.access import Access, Unlock, suspended
from billing.entitlements.compiled import compile_grants
from billing.entitlements.store import GrantStore
from billing.metering.store import EventStore
from billing.pricing.ratecard import recurring_price

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.catalog.plan import PlanVersion
    from billing.catalog.setting import Value
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.entitlements.grant import Grant, Right
    from billing.kernel.money import Money
    from billing.kernel.period import Period

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether this customer (by key) may use this feature, or `quantity` more units of it."""

    customer: str
    feature: str
    quantity: Decimal = ONE


def check(
    unit: Unit,
    questions: Sequence[Question],
    *,
    now: datetime,
    overdue: Callable[[Collection[str]], Collection[str]] | None = None,
    held: Callable[[Collection[str], Collection[str]], Mapping[tuple[str, str], Decimal]] | None = None,
) -> list[Access]:
    """The gate's answers, in the order asked. An unknown customer or feature is an error: the caller has a bug.

    `overdue` tells which of some customers (by id) have not paid for longer than their grace; they are denied what they would have.
    `held` tells what is set aside of some customers' features, by both.
    """
    asked = _Asked(unit, now)
    features = asked.features({question.feature for question in questions})
    customers = {question.customer: CustomerStore(unit).get(question.customer) for question in questions}
    ids = {customer.id for customer in customers.values()}
    aside = {} if held is None else held(ids, features)
    late = set() if overdue is None else set(overdue(ids))
    answers = []
    for question in questions:
        customer, feature = customers[question.customer], features[question.feature]
        answer = asked.answer(customer, feature, question.quantity, aside.get((customer.id, feature.key), Decimal(0)))
        answers.append(suspended(answer) if customer.id in late else answer)
    return answers


class _Asked:
    """What the questions of one call share: each thing is read once, and what would unlock a denial only with a denial."""

    def __init__(self, unit: Unit, now: datetime) -> None:
        self._unit = unit
        self._now = now
        self._catalog = CatalogStore(unit)
        self._plans: list[PlanVersion] | None = None
        self._granted: dict[str, list[Grant]] = {}
        self._used: dict[tuple[str, str], Decimal] = {}

    def features(self, keys: Collection[str]) -> dict[str, Feature]:
        """The features of these keys; an unknown one is an error that names it."""
        found = self._catalog.features_of(keys)
        return {key: found.get(key) or self._catalog.feature(key) for key in keys}

    def answer(self, customer: Customer, feature: Feature, quantity: Decimal, held: Decimal) -> Access:
        """The answer about one feature of one customer."""
        granted = self._granted_to(customer.id)
        rule = compile_grants(
            customer.key, feature.key, granted, self._now, terms=feature.terms, default=feature.default
        )
        key = (customer.id, feature.key)
        if key not in self._used:
            self._used[key] = usage(self._unit, customer.id, feature, rule.period)
        answer = rule.answer(used=self._used[key], quantity=quantity, now=self._now, held=held)
        if answer.allowed:
            return answer
        return replace(answer, unlock=unlocks(feature, rule.right, granted, self._sold()))

    def _granted_to(self, customer_id: str) -> list[Grant]:
        if customer_id not in self._granted:
            self._granted[customer_id] = GrantStore(self._unit).of_customer(customer_id, self._now)
        return self._granted[customer_id]

    def _sold(self) -> list[PlanVersion]:
        if self._plans is None:
            self._plans = list(self._catalog.current().values())
        return self._plans


def usage(unit: Unit, customer_id: str, feature: Feature, period: Period | None) -> Decimal:
    """Units of a limit feature used in a period; 0 for any other feature or without a period."""
    if feature.kind is not FeatureKind.LIMIT or period is None or feature.meter_key is None:
        return Decimal(0)
    meter = CatalogStore(unit).meter(feature.meter_key)
    return EventStore(unit).quantity(customer_id, meter, period)


def unlocks(
    feature: Feature,
    right: Right | None,
    held: Iterable[Grant],
    plans: Iterable[PlanVersion],
    price_of: Callable[[PlanVersion], Money] | None = None,
) -> tuple[Unlock, ...]:
    """What to buy to have this feature, or more of it, cheapest first: never what the customer has already.

    Nothing that is bought unlocks what was set by hand, or what an experiment took away.
    """
    if right is not None and right.stands_instead:
        return ()
    price_of = price_of or price
    owned = {grant.source_key for grant in held if grant.is_sold}
    found = []
    for version in plans:
        value = next((grant.value for grant in version.grants if grant.feature == feature.key), False)
        needs_met = not version.requires or bool(owned & set(version.requires))
        if version.plan_key in owned or not needs_met or not _gives_more(value, right, version.kind):
            continue
        found.append(Unlock(version.kind.value, version.plan_key, version.plan_name, price_of(version)))
    return tuple(sorted(found, key=lambda unlock: (unlock.price.currency, unlock.price.amount_minor, unlock.key)))


def price(version: PlanVersion) -> Money:
    """What a version costs each time it renews."""
    return recurring_price(version.charges, version.currency)


def _gives_more(value: Value, right: Right | None, kind: PlanKind) -> bool:
    if value is not None and not value:  # neither a feature that is off nor a limit of 0
        return False
    if right is None or right.value is False:
        return True
    if right.units is None or isinstance(value, Setting):
        return False
    return value is None or value is True or kind is PlanKind.ADDON or value > right.units


def period_of(right: Right | None, now: datetime) -> Period | None:
    """The period in which the units of a right count; None without one."""
    if right is None or not right.grants:
        return None
    return right.grants[0].cadence.period_at(now)
