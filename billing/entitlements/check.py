"""Asking the gate: load a customer's rights and usage, decide, and say what would unlock a denial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.catalog.item import FeatureKind
from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.access import Access, Unlock, decide, suspended
from billing.entitlements.grant import Right, effective
from billing.entitlements.store import GrantStore
from billing.metering.store import EventStore
from billing.pricing.ratecard import recurring_price

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.catalog.plan import PlanVersion
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.entitlements.grant import Grant
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
) -> list[Access]:
    """The gate's answers, in the order asked. An unknown customer or feature is an error: the caller has a bug.

    `overdue` tells which of some customers (by id) have not paid for longer than their grace; they are denied what they would have.
    """
    catalog = CatalogStore(unit)
    features = {question.feature: catalog.feature(question.feature) for question in questions}
    plans = catalog.current()
    used: dict[tuple[str, str], Decimal] = {}  # questions of one call about one thing read its usage once
    customers = {question.customer: CustomerStore(unit).get(question.customer) for question in questions}
    late = set() if overdue is None else set(overdue({customer.id for customer in customers.values()}))
    answers = []
    for question in questions:
        customer = customers[question.customer]
        answer = _answer(unit, question, customer, features[question.feature], plans, used, now)
        answers.append(suspended(answer) if customer.id in late else answer)
    return answers


def _answer(  # noqa: PLR0917 (one question and what all of them share)
    unit: Unit,
    question: Question,
    customer: Customer,
    feature: Feature,
    plans: dict[str, PlanVersion],
    used: dict[tuple[str, str], Decimal],
    now: datetime,
) -> Access:
    held = GrantStore(unit).of_customer(customer.id, now)
    right = effective([grant for grant in held if grant.feature == feature.key], now)
    period = _period(right, now)
    key = (customer.id, feature.key)
    if key not in used:
        used[key] = usage(unit, customer.id, feature, period)
    access = decide(
        feature,
        right,
        customer=customer.key,
        has_subscription=bool(held),
        used=used[key],
        quantity=question.quantity,
        resets_at=period.end if period else None,
        now=now,
    )
    return access if access.allowed else replace(access, unlock=unlocks(feature, right, held, plans.values()))


def usage(unit: Unit, customer_id: str, feature: Feature, period: Period | None) -> Decimal:
    """Units of a limit feature used in a period; 0 for a boolean feature or without a period."""
    if feature.kind is FeatureKind.BOOLEAN or period is None or feature.meter_key is None:
        return Decimal(0)
    meter = CatalogStore(unit).meter(feature.meter_key)
    return EventStore(unit).quantity(customer_id, meter, period)


def unlocks(
    feature: Feature, right: Right | None, held: Iterable[Grant], plans: Iterable[PlanVersion]
) -> tuple[Unlock, ...]:
    """What to buy to have this feature, or more of it, cheapest first: never what the customer has already."""
    held = list(held)
    owned = {grant.source_key for grant in held}
    found = []
    for version in plans:
        value = next((grant.value for grant in version.grants if grant.feature == feature.key), False)
        needs_met = not version.requires or bool(owned & set(version.requires))
        if version.plan_key in owned or not needs_met or not _gives_more(value, right, version.kind):
            continue
        price = recurring_price(version.charges, version.currency)
        found.append(Unlock(version.kind.value, version.plan_key, version.plan_name, price))
    return tuple(sorted(found, key=lambda unlock: (unlock.price.currency, unlock.price.amount_minor, unlock.key)))


def _gives_more(value: bool | int | None, right: Right | None, kind: PlanKind) -> bool:  # noqa: FBT001 (a right's value)
    if value is not None and not value:  # neither a feature that is off nor a limit of 0
        return False
    if right is None or right.value is False:
        return True
    if right.value is True or right.value is None:
        return False
    return value is None or value is True or kind is PlanKind.ADDON or value > right.value


def _period(right: Right | None, now: datetime) -> Period | None:
    if right is None or not right.grants:
        return None
    return right.grants[0].cadence.period_at(now)
