"""The one evaluator of the gate: a customer's grants of a feature are compiled once, and then answer any question without I/O.

What is compiled holds until `valid_until`: the next instant at which a grant starts or ends, or the period in which usage counts does.
Verdict, value and explanation come out of one evaluation, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from billing.entitlements.access import Access, Reason
from billing.entitlements.grant import effective
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.entitlements.access import Unlock
    from billing.entitlements.grant import Grant, Right
    from billing.kernel.period import Period

NOTHING = Decimal(0)
ALLOWING = frozenset(
    {
        Reason.GRANTED,
        Reason.WITHIN_LIMIT,
        Reason.UNLIMITED,
        Reason.OVER_LIMIT,
        Reason.IN_GRACE,
        Reason.FAILED_OPEN,
    }
)
"""The reasons that come with a yes."""


class Overflow(Enum):
    """What happens beyond a limit: nothing more, a stated number of units more, or more without end (billed or reported)."""

    HARD = "hard"
    GRACE = "grace"
    SOFT = "soft"


class Failure(Enum):
    """What a feature answers when its data cannot be read."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a feature binds: `grace` units beyond a limit that ends in grace, and the answer when nothing can be read."""

    overflow: Overflow = Overflow.HARD
    grace: Decimal = NOTHING
    on_failure: Failure = Failure.CLOSED

    def __post_init__(self) -> None:
        if self.grace < 0:
            raise InvalidError("grace is not negative", grace=str(self.grace))
        if self.grace and self.overflow is not Overflow.GRACE:
            raise InvalidError("only a limit that ends in grace has units of grace", overflow=self.overflow.value)


HARD = Terms()
SOFT = Terms(overflow=Overflow.SOFT)


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
            value=None if self.right is None else self.right.value,
            limit=limit,
            used=used if counted else None,
            remaining=max(limit - used - held, NOTHING) if limit is not None else None,
            resets_at=self.period.end if counted and self.period is not None else None,
            as_of=now,
            unlock=() if allowed else self.unlock,
            held=held if counted else None,
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
) -> Compiled:
    """The evaluator of a right that is known already; `customer` and `feature` are keys."""
    counted = right is not None and not isinstance(right.value, bool)
    return Compiled(
        customer=customer,
        feature=feature,
        right=right,
        has_subscription=has_subscription,
        terms=terms,
        period=period,
        valid_until=valid_until,
        unlock=unlock,
        limit=right.value if right is not None and not isinstance(right.value, bool) else None,
        is_counted=counted,
        fixed=_fixed(right, has_subscription=has_subscription),
    )


def compile_grants(
    customer: str,
    feature: str,
    grants: Iterable[Grant],
    now: datetime,
    *,
    terms: Terms = HARD,
    unlock: tuple[Unlock, ...] = (),
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


def _fixed(right: Right | None, *, has_subscription: bool) -> Reason | None:
    """The reason that no usage can change, or None for a limit."""
    if right is None or right.value is False:
        return Reason.NOT_IN_PLAN if has_subscription else Reason.NO_SUBSCRIPTION
    if right.value is True:
        return Reason.GRANTED
    return Reason.UNLIMITED if right.value is None else None
