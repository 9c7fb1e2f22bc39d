"""A hold: so many units of a limit, set aside until they are used, let go, or forgotten. Pure.

    open -> committed (its units became usage)
         -> released  (they are free again)
         -> expired   (nobody said anything in time)

Units that are held cannot be held again: used + held + asked stays within a hard limit, whatever happens at once. What is committed may be
less than was held, and more by the hold's policy; what has expired may still be committed while there is room. Units are those of a meter:
two features that read one meter share what is held as they share what is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import format_quantity

LONGEST = timedelta(days=7)
MOST_EVENTS = 1_000


class HoldNotFoundError(NotFoundError):
    """No such hold of this tenant."""

    code = "hold_not_found"


class HoldError(InvalidError):
    """A hold that cannot be: of a feature without a limit, of no units, for no time or for too long."""

    code = "invalid_hold"


class HoldStateError(ConflictError):
    """The hold has ended in another way, or its key was used for something else."""

    code = "hold_state"


class NotGrantedError(ConflictError):
    """The customer has no right to the feature at all."""

    code = "not_in_plan"


class LimitReachedError(ConflictError):
    """There is no room for so many units; the facts say how many are used, held and left, and when the limit starts anew."""

    code = "limit_reached"


class OverdueError(ConflictError):
    """The customer has not paid for longer than the grace: nothing can be set aside."""

    code = "payment_overdue"


class HoldState(Enum):
    """Where a hold is in its life."""

    OPEN = "open"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


class Overdraw(Enum):
    """What a commit of more than was held is: refused, written up to what the limit has left, or written whatever the limit says."""

    REFUSE = "refuse"
    UP_TO = "up_to"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`quantity` units of `feature`, counted by `meter`, set aside from `held_at` until `expires_at` (excluded).

    `used` is what became usage of it.
    """

    id: str
    key: str
    customer_id: str
    feature: str
    meter: str
    quantity: Decimal
    overdraw: Overdraw
    state: HoldState
    held_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    used: Decimal | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether its units are set aside at an instant."""
        return self.state is HoldState.OPEN and now < self.expires_at

    def is_forgotten(self, now: datetime) -> bool:
        """Whether it ran out and nobody wrote that down yet."""
        return self.state is HoldState.OPEN and self.expires_at <= now

    def asks_the_same(self, other: Hold) -> bool:
        """Whether two requests under one key want one thing, for as long."""
        return self._wanted == other._wanted

    @property
    def _wanted(self) -> tuple[object, ...]:
        return self.customer_id, self.feature, self.quantity, self.overdraw, self.expires_at - self.held_at

    def committed(self, used: Decimal, at: datetime) -> Hold:
        """After `used` of it became usage."""
        return replace(self, state=HoldState.COMMITTED, used=used, ended_at=at)

    def released(self, at: datetime) -> Hold:
        """After its units were let go."""
        return replace(self, state=HoldState.RELEASED, ended_at=at)

    def expired(self) -> Hold:
        """After its time, by which it ended."""
        return replace(self, state=HoldState.EXPIRED, ended_at=self.expires_at)

    def seen(self, now: datetime) -> Hold:
        """As it is at an instant, whether or not anybody wrote down that it ran out."""
        return self.expired() if self.is_forgotten(now) else self


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit has left, with its units of grace: `limit` is None where there is none, or where it is soft."""

    limit: Decimal | int | None
    used: Decimal
    held: Decimal

    @property
    def left(self) -> Decimal | None:
        """Units that are neither used nor held, None without a limit."""
        return None if self.limit is None else max(Decimal(self.limit) - self.used - self.held, Decimal(0))

    def has(self, quantity: Decimal) -> bool:
        """Whether so many more units fit."""
        return self.limit is None or self.used + self.held + quantity <= self.limit


def checked(quantity: Decimal, life: timedelta) -> None:
    """Refuse a hold of nothing, or for longer than a week."""
    if not quantity.is_finite() or quantity <= 0:
        raise HoldError("a hold is of more than nothing", quantity=str(quantity))
    if not timedelta() < life <= LONGEST:
        raise HoldError(f"a hold lasts at most {LONGEST.days} days", expires_in=int(life.total_seconds()))


def needs_room(hold: Hold, quantity: Decimal, now: datetime) -> bool:
    """Whether a commit of `quantity` must find room in the limit: what is held has it already. Raises HoldError for more than may be."""
    if quantity > hold.quantity and hold.overdraw is Overdraw.REFUSE:
        raise HoldError(
            f"{format_quantity(hold.quantity)} are held; commit at most that, or hold with `overdraw` to use more",
            hold=hold.id,
            held=format_quantity(hold.quantity),
        )
    return hold.overdraw is not Overdraw.ALLOW and not (hold.is_open(now) and quantity <= hold.quantity)
