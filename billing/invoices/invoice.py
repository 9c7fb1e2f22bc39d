"""An invoice and its states. A draft may still take late usage; from its issue on its lines never change.

    draft -> in grace -> issued -> partly paid -> paid
                 |          |           |
              failed      void, uncollectible (which a late payment may still mend)

A failed draft keeps why it could not be rated and is tried again by the next run. Lines sum to the total; the total is what the ledger is
told. An invoice whose lines add up to less than nothing gives the rest back as credit to the customer's account and asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.period import Period


class InvoiceNotFoundError(NotFoundError):
    """No such invoice of this tenant."""

    code = "invoice_not_found"


class InvoiceStateError(ConflictError):
    """The invoice is not in a state that allows this."""

    code = "invoice_state"


class OverpaidError(InvalidError):
    """More would be paid, or given back, than the invoice allows."""

    code = "overpaid"


class InvoiceKind(Enum):
    """Why an invoice was made: a period closed, usage crossed a threshold, or something was sold once."""

    CYCLE = "cycle"
    THRESHOLD = "threshold"
    ONE_OFF = "one_off"


class InvoiceStatus(Enum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    IN_GRACE = "in_grace"
    FAILED = "failed"
    ISSUED = "issued"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


_NEXT = {
    InvoiceStatus.DRAFT: frozenset({InvoiceStatus.IN_GRACE, InvoiceStatus.ISSUED, InvoiceStatus.FAILED}),
    InvoiceStatus.IN_GRACE: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.FAILED}),
    InvoiceStatus.FAILED: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.FAILED}),
    InvoiceStatus.ISSUED: frozenset(
        {InvoiceStatus.PARTLY_PAID, InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}
    ),
    InvoiceStatus.PARTLY_PAID: frozenset(
        {InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE}
    ),
    InvoiceStatus.PAID: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID}),
    InvoiceStatus.VOID: frozenset(),
    InvoiceStatus.UNCOLLECTIBLE: frozenset({InvoiceStatus.PARTLY_PAID, InvoiceStatus.PAID}),
}
OPEN = frozenset({InvoiceStatus.DRAFT, InvoiceStatus.IN_GRACE, InvoiceStatus.FAILED})
"""States in which an invoice is not final."""

UNPAID = frozenset({InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID, InvoiceStatus.UNCOLLECTIBLE})
"""States in which money may still come in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One priced line: `kind` is recurring, usage, change, once, bundle, commitment or adjustment.

    `amount` is the price before anything came off it; `net` what is taxed, without its tax; `document` the priced line as it was quoted,
    with its trace, its cuts and its taxes. A line of a draft is not taxed yet.
    """

    key: str
    kind: str
    amount: Money
    version_id: str
    quote_id: str | None
    document: Mapping[str, Any]
    net: Money
    tax: Money

    @classmethod
    def untaxed(
        cls,
        key: str,
        kind: str,
        amount: Money,
        *,
        version_id: str,
        document: Mapping[str, Any],
        quote_id: str | None = None,
    ) -> InvoiceLine:
        """A line that nothing came off and that is not taxed."""
        return cls(
            key=key,
            kind=kind,
            amount=amount,
            version_id=version_id,
            quote_id=quote_id,
            document=document,
            net=amount,
            tax=Money.zero(amount.currency),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """`period` is the usage period it closes, rated by the versions `version_ids`; a draft waits for late usage until `closes_at`.

    What pays it: `credit` from the customer's account, `prepaid` from wallets, `paid` by payments less what was given back, and
    `credited` by credit notes. `rated_at` is when its usage was read. `summary` has the stages from charges to total, taxes by rate and
    coupons; `parties` who sold to whom, as they were when it was issued.
    """

    id: str
    customer_id: str
    subscription_id: str | None
    sequence: int | None
    status: InvoiceStatus
    currency: str
    period: Period | None
    version_ids: tuple[str, ...]
    closes_at: datetime
    created_at: datetime
    credit: Money
    prepaid: Money
    paid: Money
    credited: Money
    kind: InvoiceKind = InvoiceKind.CYCLE
    number: str | None = None
    issued_at: datetime | None = None
    rated_at: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    failure: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    parties: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[InvoiceLine, ...] = ()

    @property
    def net(self) -> Money:
        """The sum of the lines without tax."""
        return sum((line.net for line in self.lines), Money.zero(self.currency))

    @property
    def tax(self) -> Money:
        """The sum of the lines' taxes."""
        return sum((line.tax for line in self.lines), Money.zero(self.currency))

    @property
    def total(self) -> Money:
        """Net and tax: what the invoice is over, before anything pays it."""
        return self.net + self.tax

    @property
    def settled(self) -> Money:
        """What has paid of it so far, by any means."""
        return self.credit + self.prepaid + self.paid + self.credited

    @property
    def amount_due(self) -> Money:
        """What is still to be paid: never below nothing, and nothing once paid or void."""
        zero = Money.zero(self.currency)
        if self.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
            return zero
        return max(self.total - self.settled, zero)

    @property
    def is_open(self) -> bool:
        """Whether it is not final yet."""
        return self.status in OPEN

    def moved_to(self, status: InvoiceStatus, at: datetime, number: str | None = None) -> Invoice:
        """This invoice in its next state; a step the table does not have is refused."""
        if status not in _NEXT[self.status]:
            raise InvoiceStateError(
                f"an invoice that is {self.status.value} cannot become {status.value}",
                invoice=self.id,
                status=self.status.value,
            )
        if status is InvoiceStatus.ISSUED and self.issued_at is None:
            return replace(self, status=status, issued_at=at, number=number, failure=None)
        if status is InvoiceStatus.PAID:
            return replace(self, status=status, paid_at=at)
        return replace(self, status=status)

    def with_payment(self, amount: Money, at: datetime) -> Invoice:
        """After a payment above zero and of at most what is due: partly paid, or paid."""
        if self.status not in UNPAID:
            raise InvoiceStateError(
                f"an invoice that is {self.status.value} takes no payment", invoice=self.id, status=self.status.value
            )
        if not Money.zero(self.currency) < amount <= self.amount_due:
            raise OverpaidError(
                f"a payment is above zero and at most the {self.amount_due} due", invoice=self.id, amount=str(amount)
            )
        return replace(self, paid=self.paid + amount).settled_as(at)

    def with_refund(self, amount: Money, at: datetime) -> Invoice:
        """After giving back a part of what was paid, which falls due again."""
        if not Money.zero(self.currency) < amount <= self.paid:
            raise OverpaidError(
                f"a refund is above zero and at most the {self.paid} paid", invoice=self.id, amount=str(amount)
            )
        return replace(self, paid=self.paid - amount).settled_as(at)

    def with_credit_note(self, amount: Money, at: datetime) -> Invoice:
        """After a credit note took off a part of what is due."""
        if not Money.zero(self.currency) < amount <= self.amount_due:
            raise OverpaidError(
                f"a credit note takes above zero and at most the {self.amount_due} due off",
                invoice=self.id,
                amount=str(amount),
            )
        return replace(self, credited=self.credited + amount).settled_as(at)

    def settled_as(self, at: datetime) -> Invoice:
        """In the state that what has paid of it makes: paid, partly paid, or issued. A given-up invoice stays so until it is paid."""
        open_again = replace(self, status=InvoiceStatus.ISSUED) if self.status is InvoiceStatus.PAID else self
        if open_again.amount_due.amount_minor == 0:
            return replace(self, status=InvoiceStatus.PAID, paid_at=at)
        if self.status is InvoiceStatus.UNCOLLECTIBLE:
            return self
        status = InvoiceStatus.PARTLY_PAID if self.paid.amount_minor else InvoiceStatus.ISSUED
        return replace(self, status=status, paid_at=None)
