"""A payment, what was given back of it, and what a bank disputes: how much may still move. Pure.

Refunds go by cumulative target: the one that brings a payment's refunds to `target` takes what that implies, less what was taken before.
Of a payment that was more than its invoice needed, the surplus goes back first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import Money
from billing.payments.provider import Outcome, Pending, RefundRequest, Succeeded

if TYPE_CHECKING:
    from datetime import datetime


class PaymentNotFoundError(NotFoundError):
    """No such payment of this tenant."""

    code = "payment_not_found"


class RefundError(InvalidError):
    """So much cannot be given back."""

    code = "invalid_refund"


class RefundOpenError(ConflictError):
    """A refund of this payment is under way, or a bank disputes it."""

    code = "refund_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money received for one invoice. `charge` is the provider's reference; a payment by hand has neither provider nor charge.

    `surplus` is the part that its invoice no longer needed; `refunded` what went back so far.
    """

    id: str
    invoice_id: str
    reference: str
    amount: Money
    received_at: datetime
    surplus: Money
    refunded: Money
    provider: str | None = None
    charge: str | None = None
    attempt_id: str | None = None

    def next_refund(self, target: Money) -> Money:
        """What brings the sum of refunds to `target`: nothing when it is there already. More than the payment is refused."""
        if target.currency != self.amount.currency:
            raise RefundError(f"the payment is in {self.amount.currency}", currency=target.currency)
        if target > self.amount:
            raise RefundError(f"at most the {self.amount} paid can be given back", payment=self.id, target=str(target))
        if target < self.refunded or target.amount_minor <= 0:
            raise RefundError(
                f"{self.refunded} went back already; a target is above zero and not below that",
                payment=self.id,
                target=str(target),
            )
        return target - self.refunded

    def refund_from_surplus(self, amount: Money) -> Money:
        """The part of the next refund of `amount` that the invoice is not concerned with."""
        before = min(self.refunded, self.surplus)
        return min(self.refunded + amount, self.surplus) - before

    def after_refund(self, amount: Money) -> Payment:
        """With so much more given back; never more than was paid."""
        if not Money.zero(self.amount.currency) < amount <= self.amount - self.refunded:
            raise RefundError("a refund is above zero and at most what is left", payment=self.id, amount=str(amount))
        return replace(self, refunded=self.refunded + amount)


class RefundState(Enum):
    """What is known of a refund."""

    PREPARED = "prepared"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


UNSETTLED_REFUND = frozenset({RefundState.PREPARED, RefundState.PENDING})
"""States that keep another refund of the payment from being made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """`id` is the key that the provider knows it by; `target` is the sum of refunds of the payment that it brings about."""

    id: str
    payment_id: str
    amount: Money
    target: Money
    state: RefundState
    reason: str
    prepared_at: datetime
    reference: str | None = None
    code: str | None = None
    settled_at: datetime | None = None

    def request(self, payment: Payment) -> RefundRequest:
        """What the provider is asked."""
        return RefundRequest(key=self.id, charge=payment.charge or "", amount=self.amount, at=self.prepared_at)

    def after(self, outcome: Outcome, at: datetime) -> Refund:
        """With what the provider answered; what is settled stays so."""
        if self.state not in UNSETTLED_REFUND:
            return self
        if isinstance(outcome, Succeeded):
            return replace(self, state=RefundState.SUCCEEDED, reference=outcome.reference, settled_at=at)
        if isinstance(outcome, Pending):
            return replace(self, state=RefundState.PENDING, reference=outcome.reference, code=outcome.action)
        return replace(self, state=RefundState.FAILED, code=outcome.code, settled_at=at)


class DisputeState(Enum):
    """How far a dispute has come."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment that a bank took back until it is decided; `id` begins with the provider's name."""

    id: str
    payment_id: str
    amount: Money
    fee: Money
    state: DisputeState
    opened_at: datetime
    closed_at: datetime | None = None
