"""The smaller nouns of the catalogue: products of the shop, meters of usage, and features that plans unlock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


class FeatureNotFoundError(NotFoundError):
    """No such feature of this tenant."""

    code = "feature_not_found"


class MeterNotFoundError(NotFoundError):
    """No such meter of this tenant."""

    code = "meter_not_found"


class Aggregation(Enum):
    """How a meter turns a period's events into one quantity."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"


class FeatureKind(Enum):
    """A boolean feature is had or not; a limit is a number of units a period, counted by a meter."""

    BOOLEAN = "boolean"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Events of `event_type` aggregated per customer and period; `prop` names the property that holds the value."""

    key: str
    name: str
    event_type: str
    aggregation: Aggregation
    prop: str | None = None

    def __post_init__(self) -> None:
        if self.aggregation is not Aggregation.COUNT and not self.prop:
            raise InvalidError(f"a {self.aggregation.value} meter names the property it reads", meter=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """Something a plan unlocks. A limit feature names its meter."""

    key: str
    name: str
    kind: FeatureKind
    meter_key: str | None = None

    def __post_init__(self) -> None:
        if self.kind is FeatureKind.LIMIT and not self.meter_key:
            raise InvalidError("a limit counts something: name its meter", feature=self.key)


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
