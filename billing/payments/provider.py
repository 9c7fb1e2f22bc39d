"""What a payment provider is to us: a few requests with keys, and answers that say whether money moved.

An answer is one of three: it succeeded, it was declined, or somebody must act first. No answer is not a decline: `ProviderUnavailableError`
says that money may or may not have moved, and only `lookup` tells. The key of a request is ours, unique for ever; a provider that
sees it again moves nothing and answers the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from billing.kernel.errors import InvalidError, Kind, NotFoundError, UptierError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.money import Money

MAX_EVENT_BYTES = 256_000
MAX_REFERENCE = 180  # characters of a name that a provider gives
TOLERANCE_SECONDS = 300  # of a signed time, either way; the same as Stripe's own libraries


class ProviderUnavailableError(UptierError):
    """The provider gave no answer: whether money moved is not known."""

    code = "provider_unavailable"
    kind = Kind.UNAVAILABLE


class MethodRefusedError(InvalidError):
    """The provider will not keep this payment method."""

    code = "payment_method_refused"


class SignatureError(UptierError):
    """A message does not prove that it is the provider's, or is too old to be taken."""

    code = "bad_signature"
    kind = Kind.UNAUTHORIZED


class UnknownProviderError(NotFoundError):
    """This installation knows no such provider."""

    code = "provider_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take `amount` from the holder of a saved payment method who is not present.

    `key` is the attempt's id, `account` the provider's name for the customer, `at` when we asked first.
    """

    key: str
    amount: Money
    token: str
    account: str
    invoice: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give `amount` of a charge back; `charge` is the provider's reference for it."""

    key: str
    charge: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """Money moved: this much, under this reference of the provider."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """No money moved. `retryable` says whether the same method may work on another day."""

    code: str
    retryable: bool
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Not decided: the customer must act (`action`), or a bank has not answered yet. An event or a lookup will tell."""

    reference: str
    action: str


Outcome = Succeeded | Declined | Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A payment method that the provider keeps: its token, the provider's account of the customer, and what people recognise."""

    token: str
    account: str
    label: str


class EventKind(Enum):
    """What a provider told us."""

    CHARGE = "charge"  # the outcome of a charge of ours
    REFUND = "refund"  # the outcome of a refund of ours
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    OTHER = "other"  # kept, and not acted on


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """A message of a provider whose signature was checked.

    `key` is our key of the charge or refund, `charge` the provider's reference of the charge it is about, `dispute` that of a dispute;
    `amount` and `fee` are what a dispute takes.
    """

    id: str
    kind: EventKind
    name: str
    document: Mapping[str, Any]
    key: str | None = None
    charge: str | None = None
    outcome: Outcome | None = None
    dispute: str | None = None
    amount: Money | None = None
    fee: Money | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class PaymentProvider(Protocol):
    """An adapter. Calls hold no transaction of ours; every one may raise ProviderUnavailableError."""

    @property
    def name(self) -> str:
        """What its rows are called by: `sandbox`, `stripe`."""
        ...

    def attach(self, *, customer: str, account: str | None, token: str) -> Attached:
        """Keep a payment method for a customer of ours. Raises MethodRefusedError."""
        ...

    def charge(self, request: ChargeRequest) -> Outcome:
        """Take money, at most once a key."""
        ...

    def lookup(self, request: ChargeRequest) -> Outcome | None:
        """What became of a charge, found by its key; None when the provider never saw it."""
        ...

    def refund(self, request: RefundRequest) -> Outcome:
        """Give money back, at most once a key."""
        ...

    def lookup_refund(self, request: RefundRequest) -> Outcome | None:
        """What became of a refund, found by its key; None when the provider never saw it."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """Check whose message it is, and read it. Header names are in lower case. Raises SignatureError."""
        ...
