"""The smaller nouns of the catalogue: products of the shop, meters of usage, and features that plans unlock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from billing.catalog.feature_terms import HARD, Overflow, Terms
from billing.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from billing.catalog.setting import Setting
    from billing.kernel.money import Money


class FeatureNotFoundError(NotFoundError):
    """No such feature of this tenant."""

    code = "feature_not_found"


class MeterNotFoundError(NotFoundError):
    """No such meter of this tenant."""

    code = "meter_not_found"


class UnknownGroupError(InvalidError):
    """A quantity is asked by a property that its meter does not declare."""

    code = "unknown_group"


class NotDivisibleError(InvalidError):
    """A meter whose events do not add up has no value for one event or one hour."""

    code = "meter_not_divisible"


class Aggregation(Enum):
    """How a meter turns a period's events into one quantity."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"
    WEIGHTED_SUM = "weighted_sum"


ADDITIVE = frozenset({Aggregation.COUNT, Aggregation.SUM})
"""Aggregations whose events have a value each, which add up to the quantity."""


class FeatureKind(Enum):
    """A boolean feature is had or not; a limit is a number of units a period, counted by a meter; a configuration is a JSON value."""

    BOOLEAN = "boolean"
    LIMIT = "limit"
    CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Events of `event_type` aggregated per customer and period; `prop` names the property that holds the value.

    An event belongs to the meter when every property of `filters` has one of its values. `groups` are the properties by which a
    quantity may be divided. `operation` names the property of a unique meter that says `add` or `remove`.
    """

    key: str
    name: str
    event_type: str
    aggregation: Aggregation
    prop: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    groups: tuple[str, ...] = ()
    operation: str | None = None

    def __post_init__(self) -> None:
        if self.aggregation is not Aggregation.COUNT and not self.prop:
            raise InvalidError(f"a {self.aggregation.value} meter names the property it reads", meter=self.key)
        if self.operation and self.aggregation is not Aggregation.UNIQUE:
            raise InvalidError("only a unique meter adds and removes values", meter=self.key)
        empty = next((name for name, values in self.filters.items() if not name or not values), None)
        if empty is not None:
            raise InvalidError("a filter names a property and at least one value", meter=self.key, filter=empty)
        if len(set(self.groups)) != len(self.groups) or not all(self.groups):
            raise InvalidError("groups are different properties, each named once", meter=self.key)

    def check_groups(self, names: Iterable[str]) -> None:
        """Refuse a division by a property that the meter does not declare."""
        unknown = next((name for name in names if name not in self.groups), None)
        if unknown is not None:
            raise UnknownGroupError(
                f"meter {self.key!r} is not grouped by {unknown[:60]!r}; name the property in its groups",
                meter=self.key,
                groups=list(self.groups),
            )

    def check_divisible(self) -> None:
        """Refuse a price by single events or hours where these do not add up to the quantity."""
        if self.aggregation not in ADDITIVE:
            raise NotDivisibleError(
                f"a {self.aggregation.value} meter has no quantity of one event or hour; use a count or a sum",
                meter=self.key,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterUse:
    """What a charge reads of a meter beside its quantity: quantities by the properties `groups`, or those of single events or hours."""

    key: str
    groups: tuple[str, ...] = ()
    divides: bool = False

    def check(self, meter: Meter) -> None:
        """Refuse what the meter cannot answer, before anything is billed by it."""
        meter.check_groups(self.groups)
        if self.divides:
            meter.check_divisible()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something a plan unlocks. A limit feature names its meter; `default` is what a configuration is worth to who was given none."""

    key: str
    name: str
    kind: FeatureKind
    meter_key: str | None = None
    terms: Terms = HARD
    default: Setting | None = None

    def __post_init__(self) -> None:
        if self.kind is FeatureKind.LIMIT and not self.meter_key:
            raise InvalidError("a limit counts something: name its meter", feature=self.key)
        if self.kind is not FeatureKind.LIMIT and self.terms.overflow is not Overflow.HARD:
            raise InvalidError("only a limit can be gone beyond", feature=self.key, kind=self.kind.value)
        if self.kind is not FeatureKind.CONFIG and self.default is not None:
            raise InvalidError("only a configuration has a default", feature=self.key, kind=self.kind.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something the shop sells. `price` is the current one, `cost` what it costs the shop where that is known."""

    key: str
    name: str
    category: str
    price: Money
    cost: Money | None
    buyable: bool
    added_at: datetime
