"""A credit note: what of an issued invoice is taken back, line by line with its taxes, and where it goes. Pure.

    what is credited = off what is due + onto the customer's account + on its way back

It first lowers what is still due. The rest was paid already: it becomes credit on the customer's account, or goes back by a refund. A
credit note is final, as its invoice is; what was taken back by mistake is invoiced again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class CreditNoteNotFoundError(NotFoundError):
    """No such credit note of this tenant."""

    code = "credit_note_not_found"


class CreditNoteError(InvalidError):
    """More than is left, of a line that is not there, or of an invoice that cannot be credited."""

    code = "credit_note_refused"


class CreditNoteStateError(ConflictError):
    """Nothing of this credit note is where this would take it from."""

    code = "credit_note_state"


class Reason(Enum):
    """Why something is taken back."""

    DUPLICATE = "duplicate"
    UNSATISFACTORY = "unsatisfactory"
    ORDER_CHANGE = "order_change"
    GOODWILL = "goodwill"
    FRAUD = "fraud"
    OTHER = "other"


class Destination(Enum):
    """Where the part that was paid already goes."""

    BALANCE = "balance"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What of one invoice line is taken back: `position` is the line's place from 0, `taxes` its taxes by rate key."""

    position: int
    net: Money
    taxes: tuple[tuple[str, Money], ...] = ()

    @property
    def tax(self) -> Money:
        """All its taxes."""
        return sum((amount for _, amount in self.taxes), Money.zero(self.net.currency))

    @property
    def gross(self) -> Money:
        """Net and taxes."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Where a credit goes; the three parts sum to it. `refunded` is what of `to_refund` has gone back."""

    applied: Money
    to_balance: Money
    to_refund: Money
    refunded: Money

    @property
    def waiting(self) -> Money:
        """What is still on its way back."""
        return self.to_refund - self.refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """An issued credit note; its portions, in the order of the invoice's lines, sum to its total."""

    id: str
    number: str
    invoice_id: str
    customer_id: str
    currency: str
    reason: Reason
    memo: str
    issued_at: datetime
    settling: Settling
    portions: tuple[Portion, ...]

    @property
    def net(self) -> Money:
        """What is taken back without tax."""
        return sum((portion.net for portion in self.portions), Money.zero(self.currency))

    @property
    def tax(self) -> Money:
        """The tax that is taken back."""
        return sum((portion.tax for portion in self.portions), Money.zero(self.currency))

    @property
    def total(self) -> Money:
        """Net and tax."""
        return self.net + self.tax

    def after_refund(self, amount: Money) -> CreditNote:
        """After so much of what waits has gone back."""
        _check_waiting(self, amount)
        return replace(self, settling=replace(self.settling, refunded=self.settling.refunded + amount))

    def to_balance_instead(self) -> CreditNote:
        """With what waits to go back put onto the customer's account."""
        waiting = self.settling.waiting
        _check_waiting(self, waiting)
        moved = replace(
            self.settling,
            to_balance=self.settling.to_balance + waiting,
            to_refund=self.settling.to_refund - waiting,
        )
        return replace(self, settling=moved)


def where_it_goes(total: Money, *, due: Money, refundable: Money, destination: Destination) -> Settling:
    """Split a credit of `total` above zero: what is due first; then back, up to what payments still hold; the rest onto the account."""
    zero = Money.zero(total.currency)
    applied = min(total, due)
    to_refund = min(total - applied, refundable) if destination is Destination.REFUND else zero
    return Settling(applied=applied, to_balance=total - applied - to_refund, to_refund=to_refund, refunded=zero)


def credited_total(notes: Sequence[CreditNote], currency: str) -> Money:
    """What these notes take back together."""
    return sum((note.total for note in notes), Money.zero(currency))


def _check_waiting(note: CreditNote, amount: Money) -> None:
    if not Money.zero(note.currency) < amount <= note.settling.waiting:
        raise CreditNoteStateError(
            f"{note.settling.waiting} of {note.number} waits to go back", credit_note=note.id, amount=amount.text
        )
