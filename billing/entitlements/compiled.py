"""The one evaluator of the gate: a customer's grants of a feature are compiled once, and then answer any question without I/O.

What is compiled holds until `valid_until`: the next instant at which a grant starts or ends, or the period in which usage counts does.
Verdict, value and explanation come out of one evaluation, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.catalog.feature_terms import HARD, NOTHING, SOFT, Failure, Overflow, Terms
from billing.catalog.setting import Setting
from billing.entitlements.access import Access, Reason
from billing.entitlements.grant import effective
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from billing.catalog.item import Feature
    from billing.catalog.setting import Value
    from billing.entitlements.access import Unlock
    from billing.entitlements.grant import Grant, Right, Source
    from billing.kernel.period import Period

ALLOWING = frozenset(
    {
        Reason.GRANTED,
        Reason.BY_DEFAULT,
        Reason.WITHIN_LIMIT,
        Reason.UNLIMITED,
        Reason.OVER_LIMIT,
        Reason.IN_GRACE,
        Reason.FAILED_OPEN,
    }
)
"""The reasons that come with a yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The answer to every question about one customer and one feature until `valid_until` (excluded; None: until a change)."""

    customer: str
    feature: str
    right: Right | None
    has_subscription: bool
    terms: Terms
    period: Period | None
    valid_until: datetime | None
    unlock: tuple[Unlock, ...] = ()
    limit: int | None
    is_counted: bool
    fixed: Reason | None
    value: Value = None
    sources: tuple[Source, ...] = ()

    @property
    def is_always(self) -> bool:
        """Whether no quantity is ever refused."""
        return (self.fixed in ALLOWING) or (self.fixed is None and self.terms.overflow is Overflow.SOFT)

    def verdict(self, used: Decimal, quantity: Decimal, held: Decimal = NOTHING) -> Reason:
        """Why `quantity` more units may or may not be used after `used` ones, with `held` more set aside."""
        if self.fixed is not None or self.limit is None:
            return self.fixed or Reason.UNLIMITED
        wanted = used + held + quantity
        if wanted <= self.limit:
            return Reason.WITHIN_LIMIT
        if self.terms.overflow is Overflow.SOFT:
            return Reason.OVER_LIMIT
        if self.terms.overflow is Overflow.GRACE and wanted <= self.limit + self.terms.grace:
            return Reason.IN_GRACE
        return Reason.LIMIT_REACHED

    def answer(self, *, used: Decimal, quantity: Decimal, now: datetime, held: Decimal = NOTHING) -> Access:
        """The whole answer; `now` is when its facts were read. What would unlock it is said with a denial alone."""
        if quantity < 0:
            raise InvalidError("quantity is not negative", quantity=str(quantity))
        return self._told(self.verdict(used, quantity, held), now, used=used, held=held)

    def unreadable(self, now: datetime) -> Access:
        """The answer when usage cannot be read: by the feature's own choice, and what needs no usage is answered as ever."""
        if self.fixed is not None:
            return self._told(self.fixed, now, used=NOTHING, held=NOTHING)
        return unread(self.customer, self.feature, self.terms.on_failure, now)

    def _told(self, reason: Reason, now: datetime, *, used: Decimal, held: Decimal) -> Access:
        allowed, counted, limit = reason in ALLOWING, self.is_counted, self.limit
        return Access(
            customer=self.customer,
            feature=self.feature,
            allowed=allowed,
            reason=reason,
            value=self.value,
            limit=limit,
            used=used if counted else None,
            remaining=max(limit - used - held, NOTHING) if limit is not None else None,
            resets_at=self.period.end if counted and self.period is not None else None,
            as_of=now,
            unlock=() if allowed else self.unlock,
            held=held if counted else None,
            sources=self.sources,
        )


def compiled(
    customer: str,
    feature: str,
    right: Right | None,
    *,
    has_subscription: bool,
    terms: Terms = HARD,
    period: Period | None = None,
    valid_until: datetime | None = None,
    unlock: tuple[Unlock, ...] = (),
    default: Setting | None = None,
) -> Compiled:
    """The evaluator of a right that is known already; `customer` and `feature` are keys."""
    counted = right is not None and not isinstance(right.value, bool | Setting)
    return Compiled(
        customer=customer,
        feature=feature,
        right=right,
        has_subscription=has_subscription,
        terms=terms,
        period=period,
        valid_until=valid_until,
        unlock=unlock,
        limit=None if right is None else right.units,
        is_counted=counted,
        fixed=_fixed(right, default, has_subscription=has_subscription),
        value=default if right is None else right.value,
        sources=() if right is None else right.sources,
    )


def compile_grants(
    customer: str,
    feature: str,
    grants: Iterable[Grant],
    now: datetime,
    *,
    terms: Terms = HARD,
    unlock: tuple[Unlock, ...] = (),
    default: Setting | None = None,
) -> Compiled:
    """The evaluator of a customer's grants at an instant. `grants` are those of all features, also ones that start later."""
    known = list(grants)
    own = [grant for grant in known if grant.feature == feature]
    right = effective(own, now)
    period = None if right is None else right.grants[0].cadence.period_at(now)
    edges = [edge for grant in known for edge in (grant.starts_at, grant.ends_at) if edge is not None and edge > now]
    if period is not None:
        edges.append(period.end)
    return compiled(
        customer,
        feature,
        right,
        has_subscription=any(grant.is_sold and grant.in_force(now) for grant in known),
        terms=terms,
        period=period,
        valid_until=min(edges, default=None),
        unlock=unlock,
        default=default,
    )


def decide(
    feature: Feature,
    right: Right | None,
    *,
    customer: str,
    has_subscription: bool,
    used: Decimal,
    quantity: Decimal,
    resets_at: datetime | None,
    now: datetime,
    is_soft: bool = False,
    held: Decimal = NOTHING,
) -> Access:
    """Whether `quantity` more units (or the feature itself) may be used now; a soft limit allows more and says that it is exceeded.

    `held` units are set aside by holds: they are not used, and not left either.
    """
    rule = compiled(customer, feature.key, right, has_subscription=has_subscription, terms=SOFT if is_soft else HARD)
    answer = rule.answer(used=used, quantity=quantity, now=now, held=held)
    return replace(answer, resets_at=resets_at) if rule.is_counted else answer


def unread(customer: str, feature: str, choice: Failure, now: datetime) -> Access:
    """The answer about a feature of which nothing could be read, by its choice of failing open or closed."""
    is_open = choice is Failure.OPEN
    return Access(
        customer=customer,
        feature=feature,
        allowed=is_open,
        reason=Reason.FAILED_OPEN if is_open else Reason.FAILED_CLOSED,
        value=None,
        limit=None,
        used=None,
        remaining=None,
        resets_at=None,
        as_of=now,
    )


def _fixed(right: Right | None, default: Setting | None, *, has_subscription: bool) -> Reason | None:
    """The reason that no usage can change, or None for a limit."""
    if right is None and default is not None:
        return Reason.BY_DEFAULT
    if right is None or right.value is False:
        return Reason.NOT_IN_PLAN if has_subscription else Reason.NO_SUBSCRIPTION
    if right.value is True or isinstance(right.value, Setting):
        return Reason.GRANTED
    return Reason.UNLIMITED if right.value is None else None
