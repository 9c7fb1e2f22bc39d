"""Says what a feature is, once, for every engine: a declared aggregate of one customer's history before a moment, never code.

Time is int64 microseconds in UTC. A row counts for an as-of iff `at_us < as_of_us` and `received_us <= as_of_us`; a window of d days
keeps `at_us >= as_of_us - d days`. Amounts and quantities stay the integers they were stored as, so engines agree to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DAY_US: Final = 86_400_000_000
NEVER_DAYS: Final = 3650  # the default of "days since": ten years, so that "never" sorts after any real wait
MEANING_VERSION: Final = 1  # raise it when the same declaration begins to mean another value
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEYS = frozenset({"customer", "as_of_us"})

Dtype: TypeAlias = Literal["int64", "float64"]
ColumnType: TypeAlias = Literal["str", "int64"]


class FeatureSpecError(InvalidError):
    """A declaration that means nothing, or that two engines could read in two ways."""

    code = "feature_spec_invalid"


class Source(Enum):
    """A history of events that views may read; each row belongs to one customer."""

    PURCHASES = "purchases"
    USAGE = "usage"
    SUBSCRIPTIONS = "subscriptions"


BASE_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "customer": "str",
    "at_us": "int64",
    "received_us": "int64",
    "id": "str",
}
OWN_COLUMNS: Final[Mapping[Source, Mapping[str, ColumnType]]] = {
    Source.PURCHASES: {"item": "str", "basket": "str", "quantity": "int64", "amount_minor": "int64"},
    Source.USAGE: {"meter": "str", "quantity_micro": "int64"},
    Source.SUBSCRIPTIONS: {
        "kind": "str",
        "plan": "str",
        "plan_rank": "int64",
        "mrr_minor": "int64",
        "reason": "str",
    },
}
"""What each source adds to the base columns; a subscription row carries the state *after* the change (an ended one has an MRR of 0).

`reason` of a cancelled or ended row is "voluntary", "payment" (dunning gave up), or empty where it was not recorded.
"""


class Aggregate(Enum):
    """What is made of the rows that count; see the table in features/README.md."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    COUNT_DISTINCT = "count_distinct"
    ACTIVE_DAYS = "active_days"
    DAYS_SINCE_LAST = "days_since_last"
    DAYS_SINCE_FIRST = "days_since_first"
    LATEST = "latest"
    LATEST_IN = "latest_in"
    MEAN_GAP_DAYS = "mean_gap_days"


COUNTS: Final = frozenset({Aggregate.COUNT, Aggregate.COUNT_DISTINCT, Aggregate.ACTIVE_DAYS})
_NO_COLUMN = frozenset(
    {Aggregate.COUNT, Aggregate.ACTIVE_DAYS, Aggregate.DAYS_SINCE_LAST, Aggregate.DAYS_SINCE_FIRST},
)
_NUMERIC = frozenset({Aggregate.SUM, Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.LATEST})
_FRACTIONS = frozenset({Aggregate.MEAN, Aggregate.MEAN_GAP_DAYS})


class PersonalData(Enum):
    """Which kind of personal data a feature is made of, for consent, export and erasure."""

    SPENDING = "spending"
    BEHAVIOUR = "behaviour"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Where:
    """A row counts only if its `column` holds one of `values`."""

    column: str
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """One number per customer and as-of: `aggregate` of `column` over the source's rows of the last `window_days` (None: all).

    `default` stands where no row counts (for a mean gap: fewer than two distinct values). `among` belongs to LATEST_IN alone:
    1 when the latest row's column is one of them. Raises FeatureSpecError when the declaration is not sound.

    >>> FeatureView(name="orders_30d", source=Source.PURCHASES, aggregate=Aggregate.COUNT_DISTINCT, column="basket",
    ...     window_days=30, description="Orders in 30 days.", owner="growth", personal_data=PersonalData.BEHAVIOUR).dtype
    'int64'
    """

    name: str
    source: Source
    aggregate: Aggregate
    description: str
    owner: str
    personal_data: PersonalData
    column: str | None = None
    window_days: int | None = None
    where: tuple[Where, ...] = ()
    among: tuple[str | int, ...] = ()
    default: float = 0
    dtype: Dtype = "int64"
    entity: Literal["customer"] = "customer"

    def __post_init__(self) -> None:
        check_name(self.name)
        self._check_column()
        self._check_window()
        for condition in self.where:
            check_values(self, condition.column, condition.values)
        if self.aggregate is Aggregate.LATEST_IN:
            check_values(self, str(self.column), self.among)
        elif self.among:
            raise FeatureSpecError(f"{self.name}: `among` belongs to latest_in, not to {self.aggregate.value}")
        check_default(self.name, self.default, self.dtype)
        self._check_kind()

    def _check_column(self) -> None:
        own = OWN_COLUMNS[self.source]
        if self.aggregate in _NO_COLUMN:
            if self.column is not None:
                raise FeatureSpecError(f"{self.name}: {self.aggregate.value} reads no column", column=self.column)
            return
        if self.column is None or self.column not in own:
            raise FeatureSpecError(
                f"{self.name}: {self.aggregate.value} needs a column of {self.source.value}: {', '.join(own)}",
                column=self.column,
            )
        if self.aggregate in _NUMERIC and own[self.column] != "int64":
            raise FeatureSpecError(f"{self.name}: {self.aggregate.value} needs an int64 column, {self.column} is text")

    def _check_window(self) -> None:
        if self.window_days is not None and not 1 <= self.window_days <= NEVER_DAYS:
            raise FeatureSpecError(
                f"{self.name}: window_days is 1 to {NEVER_DAYS}, or None", window_days=self.window_days
            )

    def _check_kind(self) -> None:
        if self.aggregate in COUNTS and self.default != 0:
            raise FeatureSpecError(f"{self.name}: the count of nothing is 0, not a default", default=self.default)
        if self.aggregate in _FRACTIONS and self.dtype != "float64":
            raise FeatureSpecError(f"{self.name}: {self.aggregate.value} is a fraction and needs float64")


class Formula(Enum):
    """How a derived view joins its two inputs a and b; `scale` multiplies a, so that windows of unlike length compare."""

    RATIO = "ratio"  # scale * a / b, in float64; the default where b is 0
    DIFFERENCE = "difference"  # scale * a - b


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedView:
    """A number made of two views at the same as-of, which need not be asked for themselves: trends, averages, shares.

    Raises FeatureSpecError for a ratio that is not float64, or an int64 difference of inputs that are not.
    """

    name: str
    inputs: tuple[FeatureView, FeatureView]
    formula: Formula
    description: str
    owner: str
    scale: int = 1
    default: float = 0
    dtype: Dtype = "float64"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_default(self.name, self.default, self.dtype)
        if not 1 <= self.scale <= NEVER_DAYS:
            raise FeatureSpecError(f"{self.name}: scale is 1 to {NEVER_DAYS}", scale=self.scale)
        if self.formula is Formula.RATIO and self.dtype != "float64":
            raise FeatureSpecError(f"{self.name}: a ratio is a fraction and needs float64")
        if self.dtype == "int64" and any(view.dtype != "int64" for view in self.inputs):
            raise FeatureSpecError(f"{self.name}: an int64 difference needs int64 inputs")

    @property
    def personal_data(self) -> frozenset[PersonalData]:
        """The kinds of personal data that the inputs are made of."""
        return frozenset(view.personal_data for view in self.inputs)


View: TypeAlias = FeatureView | DerivedView


def check_name(name: str) -> None:
    """Refuse a name that could not be a column everywhere, or that the answer's key columns own."""
    if not _NAME.fullmatch(name) or name in _KEYS:
        raise FeatureSpecError("A view's name is lower_snake_case, at most 63 characters, not a key column", name=name)


def check_default(name: str, default: float, dtype: Dtype) -> None:
    """Refuse a default that the column's type cannot hold exactly."""
    whole = isinstance(default, int) and not isinstance(default, bool) and -(2**63) <= default < 2**63
    if not whole and (dtype == "int64" or not isinstance(default, float) or not math.isfinite(default)):
        raise FeatureSpecError(f"{name}: the default does not fit {dtype}", default=default)


def check_values(view: FeatureView, column: str, values: Sequence[str | int]) -> None:
    """Refuse a condition on an unknown column, without values, or with values of another type than the column's."""
    own = OWN_COLUMNS[view.source]
    if column not in own:
        raise FeatureSpecError(f"{view.name}: {view.source.value} may be filtered on {', '.join(own)}", column=column)
    wanted = str if own[column] == "str" else int
    if not values or any(type(value) is not wanted for value in values):
        raise FeatureSpecError(f"{view.name}: {column} compares with one or more {own[column]} values", values=values)


def base_views(views: Iterable[View]) -> tuple[FeatureView, ...]:
    """The feature views asked for and those that derived ones are made of, each once; refuses one name for two meanings."""
    seen: dict[str, View] = {}
    asked: set[str] = set()
    for view in views:
        if view.name in asked:
            raise FeatureSpecError(f"{view.name} is asked for twice", name=view.name)
        asked.add(view.name)
        for part in (view, *view.inputs) if isinstance(view, DerivedView) else (view,):
            if seen.setdefault(part.name, part) != part:
                raise FeatureSpecError(f"{part.name} names two different views", name=part.name)
    return tuple(view for view in seen.values() if isinstance(view, FeatureView))


def spec_hash(views: Sequence[View]) -> str:
    """A SHA-256 (hex) of what the views mean, in their order: wording and owners do not count, the order of columns does."""
    text = json.dumps([MEANING_VERSION, *(_meaning(view) for view in views)], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _meaning(view: View) -> list[object]:
    default = view.default if view.dtype == "int64" else float(view.default)
    if isinstance(view, DerivedView):
        parts = [_meaning(part) for part in view.inputs]
        return [view.name, view.formula.value, view.scale, parts, default, view.dtype]
    where = sorted([condition.column, sorted(condition.values, key=str)] for condition in view.where)
    among = sorted(view.among, key=str)
    what = [view.entity, view.source.value, view.aggregate.value, view.column, view.window_days]
    return [view.name, *what, where, among, default, view.dtype]
