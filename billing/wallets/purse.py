"""What a wallet holds, and how each fact changes it: the arithmetic of wallets, without I/O.

Time is caught up before anything else (`advanced`): resets of recurring grants, then ends, then repayment of an overdraft, instant by
instant, so that the outcome does not depend on when a job came by. Every function answers the purse afterwards and the movements that
made it; a purse is the fold of all its movements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.wallets.burn import burn, spendable
from billing.wallets.grant import Grant, GrantError, GrantKind
from billing.wallets.movement import Movement, MovementKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.wallets.recurrence import Recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """The grants of a wallet, spent ones too where they were read, and its overdraft, zero or more.

    `floor`, zero or below, is where spending stops; `revision` counts the changes that were stored.
    """

    floor: Money
    overdrawn: Money
    grants: tuple[Grant, ...] = ()
    recurrences: tuple[Recurrence, ...] = ()
    revision: int = 0

    @property
    def currency(self) -> str:
        """The wallet's currency."""
        return self.floor.currency

    @property
    def held(self) -> Money:
        """All that is in it, grants that have not begun included, less the overdraft: what the books say."""
        return sum((grant.remaining for grant in self.grants), Money.zero(self.currency)) - self.overdrawn

    def balance(self, at: datetime) -> Money:
        """What counts at an instant, less the overdraft."""
        return spendable(self.grants, at, self.currency) - self.overdrawn

    def room(self, at: datetime) -> Money:
        """What can be spent at an instant: down to the floor."""
        return max(self.balance(at) - self.floor, Money.zero(self.currency))

    def grant(self, grant_id: str) -> Grant:
        """One of the grants."""
        return next(grant for grant in self.grants if grant.id == grant_id)


@dataclass(frozen=True, slots=True)
class Moved:
    """A purse after some movements, in order."""

    purse: Purse
    movements: tuple[Movement, ...] = ()

    def then(self, movement: Movement) -> Moved:
        """After one more: the grant it names, or the overdraft, changes by its amount."""
        purse = self.purse
        if movement.grant_id is None:
            purse = replace(purse, overdrawn=purse.overdrawn - movement.amount)
        else:
            grants = [g.changed(movement.amount) if g.id == movement.grant_id else g for g in purse.grants]
            purse = replace(purse, grants=tuple(grants))
        return Moved(purse, (*self.movements, movement))

    def opened(self, grant: Grant) -> Moved:
        """With a grant that nothing has been put into yet."""
        empty = replace(grant, remaining=Money.zero(grant.amount.currency))
        return Moved(replace(self.purse, grants=(*self.purse.grants, empty)), self.movements)


def advanced(purse: Purse, at: datetime) -> Moved:
    """Everything that happened by itself up to and including `at`."""
    moved = Moved(purse)
    while (instant := _next_instant(moved.purse, at)) is not None:
        for recurrence in moved.purse.recurrences:
            if recurrence.next_at == instant:
                moved = _reset(moved, recurrence, instant)
        moved = _repaid(_expired(moved, instant), instant)
    return moved


def added(moved: Moved, grant: Grant, at: datetime, kind: MovementKind = MovementKind.GRANTED) -> Moved:
    """With a new grant; one that counts at `at` repays the overdraft first."""
    if grant.amount.currency != moved.purse.currency:
        raise GrantError(
            f"the wallet holds {moved.purse.currency}", currency=grant.amount.currency, wallet=moved.purse.currency
        )
    movement = Movement(key=f"granted:{grant.id}", kind=kind, grant_id=grant.id, amount=grant.amount, at=at)
    return _repaid(moved.opened(grant).then(movement), at)


def spent(moved: Moved, most: Money, at: datetime, invoice_id: str) -> Moved:
    """`most`, or as much of it as there is down to the floor, pays for an invoice: grants first, then the overdraft."""
    amount = min(most, moved.purse.room(at))
    found = burn(moved.purse.grants, amount, at)
    parts = [(part.grant_id, part.amount) for part in found.parts]
    overdraft = [(None, found.unpaid)] if found.unpaid.amount_minor else []
    for grant_id, part in (*parts, *overdraft):
        moved = moved.then(
            Movement(
                key=f"burned:{invoice_id}:{grant_id or 'overdraft'}",
                kind=MovementKind.BURNED,
                grant_id=grant_id,
                amount=-part,
                at=at,
                invoice_id=invoice_id,
            )
        )
    return moved


def returned(moved: Moved, burned: Iterable[Movement], at: datetime) -> Moved:
    """What paid for a voided invoice goes back to where it came from.

    A grant that ended in the meantime comes back as one of its kind with the time it had left when it was spent. An overdraft that was
    repaid since comes back as money of the customer's own, without an end.
    """
    for movement in burned:
        moved = _returned_overdraft(moved, movement, at) if movement.grant_id is None else _back(moved, movement, at)
    return _repaid(moved, at)


def revoked(moved: Moved, grant_id: str, most: Money, at: datetime, key: str) -> Moved:
    """`most`, or as much of it as is left, is taken back out of a grant that was given; what was paid for is not taken."""
    grant = moved.purse.grant(grant_id)
    if grant.is_paid:
        raise GrantError("what a customer paid for is refunded, not taken back", grant=grant_id)
    taken = min(most, grant.remaining)
    if taken.amount_minor <= 0:
        return moved
    return moved.then(
        Movement(key=f"revoked:{key}", kind=MovementKind.REVOKED, grant_id=grant_id, amount=-taken, at=at)
    )


def _next_instant(purse: Purse, at: datetime) -> datetime | None:
    """The first instant up to `at` at which something happens by itself."""
    held = [grant for grant in purse.grants if grant.remaining.amount_minor]
    moments = [recurrence.next_at for recurrence in purse.recurrences]
    moments += [grant.expires_at for grant in held]
    if purse.overdrawn.amount_minor:
        moments += [grant.starts_at for grant in held]
    return min((moment for moment in moments if moment is not None and moment <= at), default=None)


def _reset(moved: Moved, recurrence: Recurrence, at: datetime) -> Moved:
    """The next period of a recurring grant begins: a part of the rest goes over, the others end with their period."""
    old = sorted(
        (g for g in moved.purse.grants if g.recurrence_id == recurrence.id and g.remaining.amount_minor),
        key=lambda grant: grant.place,
    )
    zero = Money.zero(moved.purse.currency)
    rest = sum((grant.remaining for grant in old), zero)
    kept = recurrence.rollover.kept(rest) if recurrence.has_granted else zero
    if kept.amount_minor:
        moved = _rolled(moved, old, recurrence.rolled(kept), min(kept, rest), at)
    moved = added(moved, recurrence.grant(), at)
    rules = [rule.taken() if rule.id == recurrence.id else rule for rule in moved.purse.recurrences]
    return Moved(replace(moved.purse, recurrences=tuple(rules)), moved.movements)


def _rolled(moved: Moved, old: list[Grant], new: Grant, over: Money, at: datetime) -> Moved:
    """`over` goes from the old grants into the new one; what the new one has beyond that is given."""
    moved, left = moved.opened(new), over
    for grant in old:
        part = min(grant.remaining, left)
        if part.amount_minor:
            key = f"rolled:{grant.id}"
            moved = moved.then(Movement(key=key, kind=MovementKind.ROLLED, grant_id=grant.id, amount=-part, at=at))
            left -= part
    if over.amount_minor:
        key = f"rolled_in:{new.id}"
        moved = moved.then(Movement(key=key, kind=MovementKind.ROLLED, grant_id=new.id, amount=over, at=at))
    given = new.amount - over
    if given.amount_minor:
        key = f"granted:{new.id}"
        moved = moved.then(Movement(key=key, kind=MovementKind.GRANTED, grant_id=new.id, amount=given, at=at))
    return moved


def _expired(moved: Moved, at: datetime) -> Moved:
    for grant in moved.purse.grants:
        if grant.ended(at) and grant.remaining.amount_minor:
            moved = moved.then(
                Movement(
                    key=f"expired:{grant.id}",
                    kind=MovementKind.EXPIRED,
                    grant_id=grant.id,
                    amount=-grant.remaining,
                    at=grant.expires_at or at,
                )
            )
    return moved


def _repaid(moved: Moved, at: datetime) -> Moved:
    """The overdraft is paid from what counts at `at`, in the order of use."""
    for part in burn(moved.purse.grants, moved.purse.overdrawn, at).parts:
        key = f"{part.grant_id}:{moved.purse.revision}:{len(moved.movements)}"
        for grant_id, amount in ((part.grant_id, -part.amount), (None, part.amount)):
            side = "repaid" if grant_id is None else "repaying"
            moved = moved.then(
                Movement(key=f"{side}:{key}", kind=MovementKind.REPAID, grant_id=grant_id, amount=amount, at=at)
            )
    return moved


def _back(moved: Moved, burned: Movement, at: datetime) -> Moved:
    grant = moved.purse.grant(burned.grant_id or "")
    if not grant.ended(at) or grant.expires_at is None:
        return _refilled(moved, burned, grant.id, -burned.amount, at)
    time_left = grant.expires_at - burned.at
    return _reopened(moved, burned, -burned.amount, replace(grant, starts_at=at, expires_at=at + time_left))


def _returned_overdraft(moved: Moved, burned: Movement, at: datetime) -> Moved:
    amount = -burned.amount
    owed = min(amount, moved.purse.overdrawn)
    if owed.amount_minor:
        moved = _refilled(moved, burned, None, owed, at)
    rest = amount - owed
    if not rest.amount_minor:
        return moved
    own = Grant(
        id="", key="", kind=GrantKind.PAID, amount=rest, remaining=rest, starts_at=at, created_at=at, expires_at=None
    )
    return _reopened(moved, burned, rest, own)


def _reopened(moved: Moved, burned: Movement, amount: Money, like: Grant) -> Moved:
    """A grant like another, from its start on, of what comes back."""
    name, at = f"{burned.id}_back", like.starts_at
    grant = replace(
        like, id=name, key=name, amount=amount, remaining=amount, created_at=at, recurrence_id=None, credits=None
    )
    return _refilled(moved.opened(grant), burned, name, amount, at)


def _refilled(moved: Moved, burned: Movement, grant_id: str | None, amount: Money, at: datetime) -> Moved:
    return moved.then(
        Movement(
            key=f"returned:{burned.invoice_id}:{grant_id or 'overdraft'}",
            kind=MovementKind.RETURNED,
            grant_id=grant_id,
            amount=amount,
            at=at,
            invoice_id=burned.invoice_id,
        )
    )
