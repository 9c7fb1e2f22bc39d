"""What stands on an invoice or a credit note: the one value that the PDF, the e-invoice and the plain text are made of.

Every figure is final here: a renderer formats and never calculates. On a credit note amounts are above zero, and what is given back is
its total. Dates are days in the seller's zone; a span names its first and its last day.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from decimal import Decimal

LANGUAGES = ("en", "de", "fr")


class DocumentKind(Enum):
    """What the document is in law."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Standing(Enum):
    """What a reader must be told at a glance: that it is not final, that it asks for money, that it is settled, that it counts no more."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class TaxCategory(Enum):
    """Why a line is taxed as it is, with the code of UNTDID 5305 that EN 16931 knows it by."""

    STANDARD = "standard"
    ZERO = "zero"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    OUTSIDE = "outside"

    @property
    def code(self) -> str:
        """`S` for the standard rate and any other above zero, `AE` for reverse charge, and so on."""
        return _CODES[self]


_CODES = {
    TaxCategory.STANDARD: "S",
    TaxCategory.ZERO: "Z",
    TaxCategory.EXEMPT: "E",
    TaxCategory.REVERSE_CHARGE: "AE",
    TaxCategory.EXPORT: "G",
    TaxCategory.OUTSIDE: "O",
}


class Means(Enum):
    """By what something was paid."""

    CREDIT = "credit"
    PREPAID = "prepaid"
    CREDIT_NOTES = "credit_notes"
    PAYMENTS = "payments"


AT_ISSUE = frozenset({Means.CREDIT, Means.PREPAID})
"""Means that pay while an invoice is issued, so that it asks for the rest from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is an ISO 3166 code of two letters."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sells or buys. `registration` is the number in a trade register, `account` where a seller is paid."""

    name: str
    address: Address
    vat_id: str = ""
    registration: str = ""
    email: str = ""
    account: BankAccount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where money is sent."""

    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last day, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Reduction:
    """What was taken off, above zero, and in whose name."""

    text: str
    amount: Money


@dataclass(frozen=True, slots=True)
class TaxMark:
    """How a line is taxed; `name` is what the tax is called and `reason` why nothing is charged, where that is so."""

    category: TaxCategory
    percent: Decimal
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """The nets that are taxed alike, and their tax."""

    mark: TaxMark
    base: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one means has paid of it; below zero where it was a debt that is carried on."""

    means: Means
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One line. `amount` is its price as shown, before `reductions`; `net` what is taxed, without the tax.

    `quantity` and `unit_price` are given where they mean something to a reader; `unit` is a code of UN/ECE Recommendation 20 (C62: one).
    """

    position: int
    description: str
    amount: Money
    net: Money
    detail: tuple[str, ...] = ()
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    unit: str = "C62"
    span: Span | None = None
    reductions: tuple[Reduction, ...] = ()
    taxes: tuple[TaxMark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """A whole document in one currency; `inclusive` says that the amounts of its lines have their taxes in them.

    `number` is empty on a draft. `preceding` is the number and day of the invoice that a credit note corrects. `due` is what is still
    asked for; of a credit note, nothing. A document whose lines do not add up to its totals is refused (ValueError).
    """

    kind: DocumentKind
    standing: Standing
    number: str
    issued_on: date
    due_on: date | None
    paid_on: date | None
    seller: Party
    buyer: Party
    currency: str
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxTotal, ...]
    due: Money
    settlements: tuple[Settlement, ...] = ()
    span: Span | None = None
    inclusive: bool = False
    preceding: tuple[str, date] | None = None
    notes: tuple[str, ...] = ()
    language: str = "en"

    def __post_init__(self) -> None:
        for line in self.lines:
            taken = _sum((reduction.amount for reduction in line.reductions), self.currency)
            if not self.inclusive and line.amount - taken != line.net:
                raise ValueError(f"line {line.position}: {line.amount} less {taken} is not {line.net}")
        if self.inclusive and self.subtotal - self.reduced != self.total:
            raise ValueError(f"lines of {self.subtotal} less {self.reduced} are not {self.total}")
        if self.due < Money.zero(self.currency):
            raise ValueError(f"{self.due} cannot be asked for")

    @property
    def subtotal(self) -> Money:
        """The lines as they are shown, before anything came off them."""
        return _sum((line.amount for line in self.lines), self.currency)

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """What came off, a line a name, in the order the names first appear."""
        sums: dict[str, Money] = {}
        for line in self.lines:
            for reduction in line.reductions:
                sums[reduction.text] = sums.get(reduction.text, Money.zero(self.currency)) + reduction.amount
        return tuple(Reduction(text, amount) for text, amount in sums.items())

    @property
    def reduced(self) -> Money:
        """Everything that came off."""
        return _sum((reduction.amount for reduction in self.reductions), self.currency)

    @property
    def net(self) -> Money:
        """What is taxed, without its taxes."""
        return _sum((line.net for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        """All taxes."""
        return _sum((total.tax for total in self.taxes), self.currency)

    @property
    def total(self) -> Money:
        """Net and taxes, before anything pays."""
        return self.net + self.tax

    @property
    def is_final(self) -> bool:
        """Whether it has been issued, whatever became of it since."""
        return self.standing is not Standing.DRAFT

    @property
    def reasons(self) -> tuple[TaxMark, ...]:
        """The marks that must be explained to a reader: those under which nothing is charged."""
        return tuple(
            total.mark for total in self.taxes if total.mark.category not in {TaxCategory.STANDARD, TaxCategory.ZERO}
        )


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return sum(amounts, Money.zero(currency))
