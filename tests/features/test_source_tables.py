"""Tables that would be read wrongly are refused by column, and those that only look different are read right."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.definitions import commerce
from features.duckdb_engine import DuckDBEngine
from features.engine import SourceError
from features.fold_engine import compute_one
from features.source_tables import conform_asof, conform_sources
from features.view import DAY_US, Source, base_views
from tests.strategies_features import asof_table, purchase, source_table

NOW = 20_000 * DAY_US
ROWS = [purchase(NOW - 5, row_id="p1"), purchase(NOW - DAY_US, row_id="p2")]
TABLE = source_table(Source.PURCHASES, ROWS)
ORDERS = base_views([commerce.ORDERS_30D])


def conformed(table: pa.Table) -> pa.Table:
    """The table as an engine would read it for the number of orders."""
    return conform_sources(ORDERS, {Source.PURCHASES: table})[Source.PURCHASES]


def swapped(name: str, column: pa.Array) -> pa.Table:
    """The table with another column in place of one."""
    return TABLE.set_column(TABLE.schema.get_field_index(name), name, column)


def test_only_the_columns_that_views_read_are_asked_for_and_kept() -> None:
    """A reader that has no prices can still count orders; a fourth column goes unread."""
    table = TABLE.drop_columns(["amount_minor", "quantity"]).append_column("colour", pa.array(["red", "blue"]))

    assert conformed(table).column_names == ["customer", "at_us", "received_us", "id", "basket"]


def test_a_missing_column_is_named() -> None:
    """So that whoever wrote the reader can act."""
    with pytest.raises(SourceError, match="purchases table lacks received_us, basket"):
        conformed(TABLE.drop_columns(["basket", "received_us"]))


def test_an_empty_value_is_refused() -> None:
    """SQL would pass over it in silence, and Python would not."""
    with pytest.raises(SourceError, match=r"purchases\.basket has 1 empty values"):
        conformed(swapped("basket", pa.array(["b1", None])))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOW, NOW], pa.timestamp("us")),
        pa.array([1.0, 2.0]),
        pa.array(["1", "2"]),
        pa.array([2**63, 1], pa.uint64()),
    ],
    ids=["timestamp", "float", "text", "too-large"],
)
def test_a_time_that_is_not_a_whole_number_of_microseconds_is_refused(column: pa.Array) -> None:
    """A timestamp's unit would become the meaning of the number, and a float's last digits are gone."""
    with pytest.raises(SourceError, match="at_us"):
        conformed(swapped("at_us", column))


@pytest.mark.parametrize(
    "column",
    [pa.array(["b1", "b2"]).dictionary_encode(), pa.array(["b1", "b2"], pa.large_string())],
    ids=["dictionary", "large-string"],
)
def test_text_is_read_in_any_of_its_arrow_forms(column: pa.Array) -> None:
    """Parquet readers and ADBC choose different ones."""
    found = DuckDBEngine().compute(
        [commerce.ORDERS_30D], {Source.PURCHASES: swapped("basket", column)}, asof_table([("ann", NOW)])
    )

    assert found.column("orders_30d").to_pylist() == [2]


def test_an_as_of_table_needs_its_two_columns() -> None:
    """The question itself is checked like a source."""
    with pytest.raises(SourceError, match="as-of table lacks as_of_us"):
        conform_asof(pa.table({"customer": ["ann"]}))


def test_the_fold_refuses_rows_without_what_a_view_reads() -> None:
    """Online rows are plain mappings, checked where they count."""
    without_basket = {key: value for key, value in ROWS[0].items() if key != "basket"}
    without_time = {**ROWS[0], "at_us": None}

    with pytest.raises(SourceError, match="no basket"):
        compute_one([commerce.ORDERS_30D], {Source.PURCHASES: [without_basket]}, "ann", NOW)
    with pytest.raises(SourceError, match="needs a customer, at_us, received_us and id"):
        compute_one([commerce.ORDERS_30D], {Source.PURCHASES: [without_time]}, "ann", NOW)
    with pytest.raises(SourceError, match="which was not given"):
        compute_one([commerce.ORDERS_30D], {}, "ann", NOW)
