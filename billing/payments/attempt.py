"""An attempt to take money for an invoice, and a saved payment method to take it from.

An attempt is written down before the provider is asked. While it is prepared, pending or in review no other is made for its invoice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, NotFoundError
from billing.payments.provider import ChargeRequest, Declined, Outcome, Pending, Succeeded

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money

MISMATCH = "amount_mismatch"
ABANDONED = "abandoned"


class AttemptNotFoundError(NotFoundError):
    """No such attempt of this tenant."""

    code = "attempt_not_found"


class MethodNotFoundError(NotFoundError):
    """No such payment method of this tenant."""

    code = "payment_method_not_found"


class AttemptOpenError(ConflictError):
    """An attempt for this invoice is under way, and its outcome is not known yet."""

    code = "attempt_open"


class NotDueError(ConflictError):
    """Nothing is to be taken by itself now: it is tried another day, or people decide."""

    code = "attempt_not_due"


class NoMethodError(ConflictError):
    """The customer has no payment method that this provider could charge."""

    code = "no_payment_method"


class AttemptState(Enum):
    """What is known of an attempt."""

    PREPARED = "prepared"  # the provider may have been asked; its answer is not known
    PENDING = "pending"  # the provider waits for somebody
    REVIEW = "review"  # the provider took another amount than we asked for; people must look
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    ABANDONED = "abandoned"  # the provider never saw it, and it is not wanted any more


OPEN = frozenset({AttemptState.PREPARED, AttemptState.PENDING, AttemptState.REVIEW})
"""States that keep another attempt from being made."""

UNSETTLED = frozenset({AttemptState.PREPARED, AttemptState.PENDING})
"""States that a lookup can settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A saved payment method: the provider's `token`, the provider's `account` of its customer, and a `label` for people."""

    id: str
    customer_id: str
    provider: str
    token: str
    account: str
    label: str
    is_default: bool
    added_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`id` is the key that the provider knows the request by; `code` is why it was declined."""

    id: str
    invoice_id: str
    customer_id: str
    method_id: str
    provider: str
    number: int
    amount: Money
    state: AttemptState
    prepared_at: datetime
    reference: str | None = None
    code: str | None = None
    retryable: bool | None = None
    settled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether another attempt has to wait for this one."""
        return self.state in OPEN

    def request(self, method: Method) -> ChargeRequest:
        """What the provider is asked: the same words every time."""
        return ChargeRequest(
            key=self.id,
            amount=self.amount,
            token=method.token,
            account=method.account,
            invoice=self.invoice_id,
            at=self.prepared_at,
        )

    def after(self, outcome: Outcome, at: datetime) -> Attempt:
        """With what the provider answered. What succeeded stays so; a success is taken note of whatever was thought before."""
        if self.state is AttemptState.SUCCEEDED:
            return self
        if isinstance(outcome, Succeeded):
            if outcome.amount != self.amount:
                return replace(self, state=AttemptState.REVIEW, reference=outcome.reference, code=MISMATCH)
            return replace(
                self,
                state=AttemptState.SUCCEEDED,
                reference=outcome.reference,
                settled_at=at,
                code=None,
                retryable=None,
            )
        if self.state not in UNSETTLED:
            return self
        if isinstance(outcome, Pending):
            return replace(self, state=AttemptState.PENDING, reference=outcome.reference, code=outcome.action)
        assert isinstance(outcome, Declined)  # noqa: S101 (the third of three)
        return replace(
            self,
            state=AttemptState.DECLINED,
            reference=outcome.reference or self.reference,
            code=outcome.code,
            retryable=outcome.retryable,
            settled_at=at,
        )

    def abandoned(self, at: datetime) -> Attempt:
        """Given up before the provider saw it."""
        return replace(self, state=AttemptState.ABANDONED, code=ABANDONED, settled_at=at)
