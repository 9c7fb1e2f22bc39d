"""Generates feature views, histories and as-ofs that crowd the edges: equal times, window bounds, late rows, days before 1970."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import strategies as st

from features.source_tables import source_schema
from features.view import (
    COUNTS,
    DAY_US,
    OWN_COLUMNS,
    Aggregate,
    DerivedView,
    Dtype,
    FeatureView,
    Formula,
    PersonalData,
    Source,
    View,
    Where,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CUSTOMERS = ("ann", "bob", "Zoë'; DROP TABLE moments --")
TEXTS = {
    "item": ("tea", "mug", "it's"),
    "basket": ("b1", "b2", "b3", "b4"),
    "meter": ("calls", "seats"),
    "kind": ("started", "changed", "cancelled", "ended", "resumed"),
    "plan": ("basic", "pro"),
    "reason": ("", "voluntary", "payment"),
}
WINDOWS = (None, 1, 7, 30, 90)
BIG = 2**55  # past what a float holds exactly, far from what a sum of sixty overflows
FRACTIONS = (Aggregate.MEAN, Aggregate.MEAN_GAP_DAYS)
NUMERIC = (Aggregate.SUM, Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.LATEST)
WITHOUT_COLUMN = (Aggregate.COUNT, Aggregate.ACTIVE_DAYS, Aggregate.DAYS_SINCE_LAST, Aggregate.DAYS_SINCE_FIRST)


@dataclass(frozen=True, slots=True)
class Scene:
    """Rows of every source, and the as-ofs that are asked of them."""

    rows: Mapping[Source, tuple[dict[str, Any], ...]]
    asof: tuple[tuple[str, int], ...]

    def tables(self) -> dict[Source, pa.Table]:
        """The rows as Arrow tables."""
        return {source: source_table(source, rows) for source, rows in self.rows.items()}

    def asof_table(self) -> pa.Table:
        """The as-ofs as an Arrow table."""
        return asof_table(self.asof)

    def with_rows(self, more: Mapping[Source, Iterable[dict[str, Any]]]) -> Scene:
        """This scene with more rows behind those it has."""
        return replace(self, rows={source: (*rows, *more.get(source, ())) for source, rows in self.rows.items()})


def source_table(source: Source, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of one source as an Arrow table with the full schema."""
    return pa.Table.from_pylist(list(rows), schema=source_schema(source))


def asof_table(asof: Sequence[tuple[str, int]]) -> pa.Table:
    """As-ofs as an Arrow table."""
    columns = [[customer for customer, _ in asof], [at for _, at in asof]]
    return pa.table(columns, schema=pa.schema([("customer", pa.string()), ("as_of_us", pa.int64())]))


def purchase(at_us: int, *, row_id: str, customer: str = "ann", **values: Any) -> dict[str, Any]:
    """One purchase line; what is not said is a plain value."""
    plain = {"item": "tea", "basket": row_id, "quantity": 1, "amount_minor": 100}
    return {"customer": customer, "at_us": at_us, "received_us": at_us, "id": row_id, **plain, **values}


def usage(at_us: int, *, row_id: str, customer: str = "ann", **values: Any) -> dict[str, Any]:
    """One usage event of one unit."""
    plain = {"meter": "calls", "quantity_micro": 1_000_000}
    return {"customer": customer, "at_us": at_us, "received_us": at_us, "id": row_id, **plain, **values}


def change(at_us: int, kind: str, *, row_id: str, customer: str = "ann", **values: Any) -> dict[str, Any]:
    """One subscription change."""
    plain = {"kind": kind, "plan": "pro", "plan_rank": 2, "mrr_minor": 2900, "reason": ""}
    return {"customer": customer, "at_us": at_us, "received_us": at_us, "id": row_id, **plain, **values}


def instants(now_us: int) -> st.SearchStrategy[int]:
    """Times up to 100 days about a moment, most of them a microsecond from a whole number of days away."""
    days = st.integers(-100, 10)
    edge = st.builds(lambda day, jitter: now_us + day * DAY_US + jitter, days, st.sampled_from((-1, 0, 0, 1)))
    return edge | st.integers(now_us - 100 * DAY_US, now_us + 10 * DAY_US)


def rows_of(source: Source, now_us: int, prefix: str = "e") -> st.SearchStrategy[tuple[dict[str, Any], ...]]:
    """Up to twenty rows of a source with unique ids, some received late."""
    columns = {
        "customer": st.sampled_from(CUSTOMERS),
        "at_us": instants(now_us),
        "late_us": st.sampled_from((0, 0, 0, 1, DAY_US, 40 * DAY_US)),
        **{
            name: st.sampled_from(TEXTS[name]) if kind == "str" else st.integers(-3, 3) | st.integers(-BIG, BIG)
            for name, kind in OWN_COLUMNS[source].items()
        },
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=20).map(
        lambda rows: tuple(_row(row, f"{prefix}{index}") for index, row in enumerate(rows)),
    )


def _row(drawn: dict[str, Any], row_id: str) -> dict[str, Any]:
    late_us = drawn["late_us"]
    rest = {name: value for name, value in drawn.items() if name != "late_us"}
    return {**rest, "received_us": drawn["at_us"] + late_us, "id": row_id}


NOWS = st.sampled_from((20_000 * DAY_US, 20_000 * DAY_US + 12_345_678_901, 3 * DAY_US))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Histories of three customers and up to six as-ofs about one moment, in one of them before 1970."""
    now_us = draw(NOWS)
    rows = {source: draw(rows_of(source, now_us)) for source in Source}
    moments = st.tuples(st.sampled_from((*CUSTOMERS, "unknown")), st.just(now_us) | instants(now_us))
    return Scene(rows, tuple(draw(st.lists(moments, min_size=1, max_size=6))))


@st.composite
def feature_views(draw: st.DrawFn, name: str = "a_view") -> FeatureView:
    """Any sound view: each aggregate, column, window, condition and type."""
    source, aggregate = draw(st.sampled_from(Source)), draw(st.sampled_from(Aggregate))
    own = OWN_COLUMNS[source]
    numbers = [column for column, kind in own.items() if kind == "int64"]
    column = (
        None if aggregate in WITHOUT_COLUMN else draw(st.sampled_from(numbers if aggregate in NUMERIC else list(own)))
    )
    dtypes: tuple[Dtype, ...] = ("float64",) if aggregate in FRACTIONS else ("int64", "float64")
    return FeatureView(
        name=name,
        source=source,
        aggregate=aggregate,
        column=column,
        window_days=draw(st.sampled_from(WINDOWS)),
        where=tuple(draw(st.lists(conditions(source), max_size=2))),
        among=draw(values_of(source, str(column))) if aggregate is Aggregate.LATEST_IN else (),
        default=0 if aggregate in COUNTS else draw(st.sampled_from((0, -1, 3650))),
        dtype=draw(st.sampled_from(dtypes)),
        description="Generated.",
        owner="tests",
        personal_data=PersonalData.BEHAVIOUR,
    )


def values_of(source: Source, column: str) -> st.SearchStrategy[tuple[str | int, ...]]:
    """One to three values that a column may hold."""
    text = OWN_COLUMNS[source][column] == "str"
    values: st.SearchStrategy[str | int] = st.sampled_from(TEXTS[column]) if text else st.integers(-3, 3)
    return st.lists(values, min_size=1, max_size=3).map(tuple)


@st.composite
def conditions(draw: st.DrawFn, source: Source) -> Where:
    """A condition on any own column."""
    column = draw(st.sampled_from(list(OWN_COLUMNS[source])))
    return Where(column, draw(values_of(source, column)))


@st.composite
def view_lists(draw: st.DrawFn) -> tuple[View, ...]:
    """Two to eight feature views and a ratio or difference of the first two, whose parts may not be asked for."""
    views = [draw(feature_views(name=f"view_{index}")) for index in range(draw(st.integers(2, 8)))]
    formula = draw(st.sampled_from(Formula))
    whole = formula is Formula.DIFFERENCE and all(view.dtype == "int64" for view in views[:2])
    derived = DerivedView(
        name="derived",
        inputs=(views[0], views[1]),
        formula=formula,
        scale=draw(st.sampled_from((1, 3))),
        default=draw(st.sampled_from((0, 1))),
        dtype="int64" if whole else "float64",
        description="Generated.",
        owner="tests",
    )
    return (*views[draw(st.integers(0, 2)) :], derived)
