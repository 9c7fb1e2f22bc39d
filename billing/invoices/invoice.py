"""An invoice and its states: draft, issued, paid. A draft may still take late usage; an issued one never changes.

Lines sum to the total; the total is what the ledger is told. An invoice whose lines add up to less than nothing gives the rest back as
credit to the customer's account and asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, NotFoundError
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


class InvoiceStatus(Enum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    ISSUED = "issued"
    PAID = "paid"


_NEXT = {
    InvoiceStatus.DRAFT: frozenset({InvoiceStatus.ISSUED}),
    InvoiceStatus.ISSUED: frozenset({InvoiceStatus.PAID}),
    InvoiceStatus.PAID: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One priced line: `kind` is recurring, usage or change; `document` is the priced line as it was quoted, with its trace."""

    key: str
    kind: str
    amount: Money
    version_id: str
    quote_id: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """`period` is the usage period it closes, rated by the versions `version_ids`; a draft waits for late usage until `closes_at`.

    `credit` is what the customer's account paid of it.
    """

    id: str
    customer_id: str
    subscription_id: str
    sequence: int
    status: InvoiceStatus
    currency: str
    period: Period | None
    version_ids: tuple[str, ...]
    closes_at: datetime
    created_at: datetime
    credit: Money
    number: str | None = None
    issued_at: datetime | None = None
    paid_at: datetime | None = None
    lines: tuple[InvoiceLine, ...] = ()

    @property
    def total(self) -> Money:
        """The exact sum of the lines."""
        return sum((line.amount for line in self.lines), Money.zero(self.currency))

    @property
    def amount_due(self) -> Money:
        """What is still to be paid: never below nothing, and nothing once paid."""
        zero = Money.zero(self.currency)
        return zero if self.status is InvoiceStatus.PAID else max(self.total - self.credit, zero)

    def moved_to(self, status: InvoiceStatus, at: datetime, number: str | None = None) -> Invoice:
        """This invoice in its next state; a step the table does not have is refused."""
        if status not in _NEXT[self.status]:
            raise InvoiceStateError(
                f"an invoice that is {self.status.value} cannot become {status.value}",
                invoice=self.id,
                status=self.status.value,
            )
        if status is InvoiceStatus.ISSUED:
            return replace(self, status=status, issued_at=at, number=number)
        return replace(self, status=status, paid_at=at)
