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
from billing.kernel.money import format_quantity
from billing.pricing.document import ChargeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from billing.pricing.conversion import Conversion, FreeUnits
    from billing.pricing.rated import Rated
    from billing.pricing.rules import PriceRule


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

    `groups` has quantities by the values of event properties, in the order of the dimensions that the model declares; `hours` the
    quantities by local hour, for time-of-day rules.
    """

    quantity: Decimal
    values: tuple[Decimal, ...] = ()
    groups: Mapping[tuple[str, ...], Decimal] = field(default_factory=dict, hash=False)
    hours: Mapping[int, Decimal] = field(default_factory=dict, hash=False)


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
    """One priced part of a plan. `key` names it within the plan version; `meter` is None for fees that count no usage.

    A fee `per_seat` is rated on the number of seats instead of one. `conversion` and `free_units` come before the model, the charge's own
    `minimum` and `maximum` a period (major units) after it. `rules` may choose another price, within `floor` and `ceiling` a unit;
    `ruled_models` has the models of the prices that rules replace, by the rule's name.
    """

    key: str
    name: str
    model: ChargeModel
    meter: str | None
    timing: Timing
    per_seat: bool = False
    conversion: Conversion | None = None
    free_units: FreeUnits | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    rules: tuple[PriceRule, ...] = ()
    floor: Decimal | None = None
    ceiling: Decimal | None = None
    ruled_models: Mapping[str, ChargeModel] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.meter is not None and self.timing is Timing.ADVANCE:
            raise ChargeError(
                f"{self.key!r} counts usage, which is known only afterwards: bill it in arrears", field="timing"
            )
        if self.meter is None and self.timing is Timing.ARREARS:
            raise ChargeError(f"{self.key!r} counts no usage: bill it in advance", field="timing")
        if self.per_seat and self.meter is not None:
            raise ChargeError(f"{self.key!r} counts usage; only fees are bought by the seat", field="per")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ChargeError("the minimum is at most the maximum", field="minimum")
        if self.floor is not None and self.ceiling is not None and self.floor > self.ceiling:
            raise ChargeError("the floor is at most the ceiling", field="floor")
        self._check_usage()

    def _check_usage(self) -> None:
        """Refuse what the usage of this charge's model cannot answer."""
        steps = self.conversion is not None or self.free_units is not None
        if steps and (self.meter is None or self.model.needs is not Needs.QUANTITY):
            raise ChargeError(
                "units are converted or given away where a metered quantity is priced", field="conversion"
            )
        if self.reads_hours and (self.meter is None or steps or self.model.model != "per_unit"):
            raise ChargeError("time-of-day rules are for metered charges with one price a unit", field="rules")
        reads = (self.model.needs, getattr(self.model, "dimensions", ()))
        for name, ruled in self.ruled_models.items():
            if ruled.needs is not Needs.QUANTITY and (ruled.needs, getattr(ruled, "dimensions", ())) != reads:
                raise ChargeError(
                    f"the rule {name[:60]!r} prices a part of the usage that {self.key!r} itself does not read",
                    field="rules",
                )
        if (self.floor is not None or self.ceiling is not None) and not self.rules:
            raise ChargeError("floor and ceiling bound what rules do: declare rules", field="floor")

    @property
    def is_plain(self) -> bool:
        """Whether the model alone makes the price."""
        return (
            self.conversion is None
            and self.free_units is None
            and self.minimum is None
            and self.maximum is None
            and not self.rules
        )

    @property
    def reads_hours(self) -> bool:
        """Whether a rule asks at which hour something was used."""
        return any(rule.hours for rule in self.rules)

    @property
    def splits(self) -> bool:
        """Whether parts of a period may be billed before its end."""
        return self.model.splits and self.minimum is None

    def to_document(self) -> dict[str, Any]:
        """The document that `billing.pricing.registry.parse_charge` reads back."""
        document: dict[str, Any] = {
            "key": self.key,
            "name": self.name,
            "meter": self.meter,
            "timing": self.timing.value,
            "price": self.model.to_document(),
        }
        if self.per_seat:
            document["per"] = "seat"
        if self.conversion is not None:
            per_unit = format_quantity(self.conversion.per_unit)
            document["conversion"] = {"per_unit": per_unit, "whole": self.conversion.whole.value}
        if self.free_units is not None:
            document["free_units"] = format_quantity(self.free_units.units)
        for name in ("minimum", "maximum", "floor", "ceiling"):
            value = getattr(self, name)
            if value is not None:
                document[name] = format_quantity(value)
        if self.rules:
            document["rules"] = [dict(rule.document) for rule in self.rules]
        return document
