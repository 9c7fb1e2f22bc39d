"""Folds one customer's rows into the declared values in plain Python: what answers online, and the oracle of every other engine.

The rules of `features.view` are written here a second time, apart from SQL, so that agreement of the two means something.
Cost: one sort of the customer's rows per source, then one walk per view over the rows of its window; no Arrow, no database.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from features.engine import FeatureOverflowError, SourceError
from features.view import BASE_COLUMNS, DAY_US, Aggregate, DerivedView, Formula, base_views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from features.view import FeatureView, Source, View, Where

Row: TypeAlias = "Mapping[str, Any]"
Number: TypeAlias = int | float


def compute_one(
    views: Sequence[View],
    rows_by_source: Mapping[Source, Iterable[Row]],
    customer: str,
    as_of_us: int,
) -> dict[str, Number]:
    """The views' values for one customer, in the order asked; rows of other customers and of the future are passed over.

    Each row is a mapping with the source's columns. Raises SourceError when a view's source is missing or a row has no value
    in a column that is read, FeatureOverflowError when an int64 would not hold the result.
    """
    return Fold(views).compute_one(rows_by_source, customer, as_of_us)


class Fold:
    """A list of views, checked once, to be computed for many customers and moments."""

    __slots__ = ("_base", "_sources", "_views")

    def __init__(self, views: Sequence[View]) -> None:
        self._views = tuple(views)
        self._base = base_views(views)
        self._sources = {view.source: read_columns(self._base, view.source) for view in self._base}

    def compute_one(
        self, rows_by_source: Mapping[Source, Iterable[Row]], customer: str, as_of_us: int
    ) -> dict[str, Number]:
        """As the function of the same name."""
        past: dict[Source, _Past] = {}
        for source, columns in self._sources.items():
            if source not in rows_by_source:
                raise SourceError(f"The views read {source.value}, which was not given", source=source.value)
            past[source] = _Past(rows_by_source[source], columns, customer, as_of_us)
        base = {view.name: _value(view, past[view.source]) for view in self._base}
        return {
            view.name: _derived(view, base) if isinstance(view, DerivedView) else base[view.name]
            for view in self._views
        }


def read_columns(views: Iterable[FeatureView], source: Source) -> tuple[str, ...]:
    """The source's own columns that these views read, sorted; the base columns are always read."""
    own: set[str] = set()
    for view in views:
        if view.source is source:
            own.update(condition.column for condition in view.where)
            own.update([view.column] if view.column else [])
    return tuple(sorted(own))


class _Past:
    """The rows of one customer and source that count at a moment, by (at, id), with what many views ask of them kept."""

    def __init__(self, rows: Iterable[Row], columns: tuple[str, ...], customer: str, as_of_us: int) -> None:
        self.as_of_us = as_of_us
        try:
            counted = (
                row
                for row in rows
                if row["customer"] == customer and row["at_us"] < as_of_us and row["received_us"] <= as_of_us
            )
            self._rows = sorted(counted, key=itemgetter("at_us", "id"))
        except (KeyError, TypeError) as error:
            raise SourceError(
                "A row needs a customer, at_us, received_us and id", columns=list(BASE_COLUMNS)
            ) from error
        for row in self._rows:
            _check_row(row, columns)
        self._times = [row["at_us"] for row in self._rows]
        self._slices: dict[tuple[int | None, tuple[Where, ...]], list[Row]] = {}

    def rows(self, window_days: int | None, where: tuple[Where, ...]) -> list[Row]:
        """The rows of a window that meet every condition, oldest first."""
        key = (window_days, where)
        if key not in self._slices:
            start = 0 if window_days is None else bisect_left(self._times, self.as_of_us - window_days * DAY_US)
            self._slices[key] = [
                row
                for row in self._rows[start:]
                if all(row[condition.column] in condition.values for condition in where)
            ]
        return self._slices[key]


def _check_row(row: Row, columns: tuple[str, ...]) -> None:
    for column in columns:
        if row.get(column) is None:
            raise SourceError(f"A row has no {column}, which a view reads", column=column, id=row["id"])


def _value(view: FeatureView, past: _Past) -> Number:
    rows = past.rows(view.window_days, view.where)
    found = FOLDS[view.aggregate](view, rows, past.as_of_us) if rows else None
    return _typed(view, view.default if found is None else found)


def _derived(view: DerivedView, base: Mapping[str, Number]) -> Number:
    a, b = (base[part.name] for part in view.inputs)
    if view.formula is Formula.RATIO:
        return float(view.default) if b == 0 else float(a) * float(view.scale) / float(b)
    if view.dtype == "int64":
        return _typed(view, a * view.scale - b)
    return float(a) * float(view.scale) - float(b)


def _typed(view: View, value: Number) -> Number:
    if view.dtype == "float64":
        return float(value)
    return _int64(view.name, int(value))


def _int64(name: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise FeatureOverflowError(f"{name} does not fit 64 bits", view=name)
    return value


def _column(view: FeatureView, rows: list[Row]) -> list[Any]:
    return [row[view.column or ""] for row in rows]


def _mean(view: FeatureView, rows: list[Row], _: int) -> float:
    return float(_int64(view.name, sum(_column(view, rows)))) / float(len(rows))


def _mean_gap_days(view: FeatureView, rows: list[Row], _: int) -> float | None:
    gaps = len(set(_column(view, rows))) - 1
    return float(rows[-1]["at_us"] - rows[0]["at_us"]) / float(gaps * DAY_US) if gaps else None


def _latest(view: FeatureView, rows: list[Row]) -> Any:
    return max((row["at_us"], row["id"], row[view.column or ""]) for row in rows)[2]


FOLDS: Mapping[Aggregate, Callable[[FeatureView, list[Row], int], Number | None]] = {
    Aggregate.COUNT: lambda _view, rows, _at: len(rows),
    Aggregate.SUM: lambda view, rows, _at: _int64(view.name, sum(_column(view, rows))),
    Aggregate.MEAN: _mean,
    Aggregate.MIN: lambda view, rows, _at: min(_column(view, rows)),
    Aggregate.MAX: lambda view, rows, _at: max(_column(view, rows)),
    Aggregate.COUNT_DISTINCT: lambda view, rows, _at: len(set(_column(view, rows))),
    Aggregate.ACTIVE_DAYS: lambda _view, rows, _at: len({row["at_us"] // DAY_US for row in rows}),
    Aggregate.DAYS_SINCE_LAST: lambda _view, rows, as_of_us: (as_of_us - rows[-1]["at_us"]) // DAY_US,
    Aggregate.DAYS_SINCE_FIRST: lambda _view, rows, as_of_us: (as_of_us - rows[0]["at_us"]) // DAY_US,
    Aggregate.LATEST: lambda view, rows, _at: _latest(view, rows),
    Aggregate.LATEST_IN: lambda view, rows, _at: int(_latest(view, rows) in view.among),
    Aggregate.MEAN_GAP_DAYS: _mean_gap_days,
}
