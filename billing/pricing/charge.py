"""What a charge is: a price model with a key, a name, the meter it counts and when it is billed.

A model turns a quantity into an exact amount; it knows neither time nor customer. Amounts are in major units of the plan's currency and
unrounded until the line (`billing.pricing.quote.priced`). A fee without a meter is billed in advance unless told, a metered one in arrears
always, since nobody knows a usage before it happened.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.errors import InvalidError
from billing.pricing.document import ChargeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from billing.pricing.rated import Rated


class Timing(Enum):
    """Billed at the start of the period it covers, or after its end."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class Needs(Enum):
    """What of a period's usage a model reads: the quantity alone, each event's value, or quantities by property values."""

    QUANTITY = "quantity"
    EVENTS = "events"
    GROUPS = "groups"


class UsageError(InvalidError):
    """Usage that a model cannot price, since the part of it that the model reads was not given."""

    code = "unpriced_usage"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used in a period: the meter's quantity and, for models that price each event, the events' own values in order.

    `groups` has quantities by the values of event properties, in the order of the dimensions that the model declares.
    """

    quantity: Decimal
    values: tuple[Decimal, ...] = ()
    groups: Mapping[tuple[str, ...], Decimal] = field(default_factory=dict, hash=False)


class ChargeModel(ABC):
    """A way to price a quantity. A subclass is a frozen dataclass in a file of its own, with one line in the registry.

    Implement `rate`; a model that prices single events (a percentage of each payment) overrides `rate_usage` as well, and says in `needs`
    what it reads. `splits` is False where one tier is chosen by the whole period's usage: parts of a period are never rated apart.
    """

    __slots__ = ()
    model: ClassVar[str]
    splits: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs.QUANTITY

    @classmethod
    @abstractmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """The model from its document, `{"model": ..., ...}`; ChargeError names the field that is missing, unknown or wrong."""

    @abstractmethod
    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back to an equal model."""

    @abstractmethod
    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The exact price of `quantity` units in major units of `currency`, explained."""

    def rate_usage(self, usage: Usage, currency: str) -> Rated:
        """The exact price of a period's usage; most models only look at its quantity."""
        return self.rate(usage.quantity, currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One priced part of a plan. `key` names it within the plan version; `meter` is None for fees that count no usage."""

    key: str
    name: str
    model: ChargeModel
    meter: str | None
    timing: Timing

    def __post_init__(self) -> None:
        if self.meter is not None and self.timing is Timing.ADVANCE:
            raise ChargeError(
                f"{self.key!r} counts usage, which is known only afterwards: bill it in arrears", field="timing"
            )
        if self.meter is None and self.timing is Timing.ARREARS:
            raise ChargeError(f"{self.key!r} counts no usage: bill it in advance", field="timing")

    def to_document(self) -> dict[str, Any]:
        """The document that `billing.pricing.registry.parse_charge` reads back."""
        return {
            "key": self.key,
            "name": self.name,
            "meter": self.meter,
            "timing": self.timing.value,
            "price": self.model.to_document(),
        }
