"""The nouns of a bundle: the parts that are wished for, the parts as quoted, the quote, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.kernel.period import Period

MOST_PARTS = 10
MOST_OF_A_PART = 1_000


class BundleError(InvalidError):
    """Parts that make no bundle."""

    code = "invalid_bundle"


class BundleQuoteNotFoundError(NotFoundError):
    """No such quote of this tenant."""

    code = "bundle_quote_not_found"


class BundleQuoteExpiredError(ConflictError):
    """The promised price no longer holds, or was taken already."""

    code = "bundle_quote_expired"


class BundlePartGoneError(ConflictError):
    """A part is not sold any more, or not to this customer."""

    code = "bundle_part_gone"


class BundlePartOwnedError(ConflictError):
    """The customer has a part already, or got it since the quote."""

    code = "bundle_part_owned"


class PartKind(Enum):
    """A product of the shop, or an add-on of the customer's subscription."""

    PRODUCT = "product"
    ADDON = "addon"


@dataclass(frozen=True, slots=True)
class BundlePart:
    """What is wished for: how many of which product, or an add-on in how many seats (None: the fewest that it is sold in)."""

    key: str
    kind: PartKind = PartKind.PRODUCT
    quantity: int | None = None

    def __post_init__(self) -> None:
        if self.quantity is not None and not 1 <= self.quantity <= MOST_OF_A_PART:
            raise BundleError(f"a part is taken 1 to {MOST_OF_A_PART} times", part=self.key[:200])


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedPart:
    """A part at its list price and at its share of the bundle's price; both are for its whole quantity.

    `service` is the time that an add-on's share pays for, None where it is had at once. `bought_before` is how often a product was bought
    when this was quoted. `version_id` is the add-on's version, "" for a product.
    """

    key: str
    kind: PartKind
    name: str
    quantity: int
    list_price: Money
    price: Money
    tax_class: str
    tax_inclusive: bool
    version_id: str = ""
    service: Period | None = None
    bought_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleQuote:
    """A price for all parts together, promised until `expires_at`. With add-ons it is for a subscription as it was at `revision`."""

    id: str
    customer_id: str
    subscription_id: str | None
    revision: int | None
    parts: tuple[QuotedPart, ...]
    margin_rule: str
    quoted_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    invoice_id: str | None = None

    @property
    def currency(self) -> str:
        """The currency of every part."""
        return self.parts[0].price.currency

    @property
    def total(self) -> Money:
        """What the bundle costs, taxes in it or on top as the parts' prices are."""
        return sum((part.price for part in self.parts), Money.zero(self.currency))

    @property
    def list_total(self) -> Money:
        """What the parts cost apart."""
        return sum((part.list_price for part in self.parts), Money.zero(self.currency))

    @property
    def addons(self) -> tuple[QuotedPart, ...]:
        """The parts that are add-ons."""
        return tuple(part for part in self.parts if part.kind is PartKind.ADDON)

    @property
    def products(self) -> tuple[QuotedPart, ...]:
        """The parts that are products."""
        return tuple(part for part in self.parts if part.kind is PartKind.PRODUCT)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSold:
    """A bundle that was taken at its quoted price: by an invoice, or waiting for the next one of the subscription (None)."""

    quote: BundleQuote
    invoice_id: str | None

    @property
    def total(self) -> Money:
        """The price that was quoted."""
        return self.quote.total


def check_parts(parts: Sequence[BundlePart]) -> None:
    """Refuse what makes no bundle: fewer than two parts, too many, or one twice."""
    if not 2 <= len(parts) <= MOST_PARTS:
        raise BundleError(f"a bundle has 2 to {MOST_PARTS} parts", parts=len(parts))
    if len({(part.kind, part.key) for part in parts}) < len(parts):
        raise BundleError("name each part once, with its quantity", parts=[part.key[:200] for part in parts])
