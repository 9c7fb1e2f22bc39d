"""Files as people have them: every kind of timestamp and id, and a clear sentence where something is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from training.bench.interactions_file import (
    InteractionsFileError,
    InteractionsFileMissingError,
    read_interactions_file,
)

if TYPE_CHECKING:
    from pathlib import Path

_MOMENT_US = 1_320_796_800_000_000  # 2011-11-09T00:00:00Z


@pytest.mark.parametrize(
    "at",
    [
        "2011-11-09",
        "2011-11-09 00:00:00",
        "2011-11-09T00:00:00Z",
        "2011-11-09T01:00:00+01:00",
        1_320_796_800,
        1_320_796_800_000,
        1_320_796_800_000_000,
        1_320_796_800_000_000_000,
        20111109,
        pd.Timestamp("2011-11-09"),
        pd.Timestamp("2011-11-09 01:00", tz="Europe/Paris"),
        pd.Timestamp("2011-11-09").date(),
    ],
)
def test_any_kind_of_timestamp_is_read(tmp_path: Path, at: object) -> None:
    """Text, epoch seconds to nanoseconds, dates and zones all mean the same moment, in CSV and in Parquet."""
    frame = pd.DataFrame({"customer": ["a", "b"], "item": ["x", "y"], "at": [at, at]})
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "rows.csv", index=False)

    for name in ("rows.parquet", "rows.csv"):
        assert read_interactions_file(tmp_path / name).interactions.at_us.tolist() == [_MOMENT_US, _MOMENT_US]


def test_numeric_ids_lose_their_decimal_point(tmp_path: Path) -> None:
    """A column of whole floats, as missing values make it, gives the ids people know; rows without one are counted."""
    frame = pd.DataFrame({"Customer": [17850.0, None, 3.0], "ITEM": [1, 2, 3], "At": ["2020-01-01"] * 3})
    frame.to_parquet(tmp_path / "rows.parquet")
    found = read_interactions_file(tmp_path / "rows.parquet")

    assert found.interactions.customers.tolist() == ["17850", "3"]
    assert found.interactions.items.tolist() == ["1", "3"]
    assert found.dropped == {"no usable customer": 1}
    assert not found.has_baskets


def test_leading_zeros_of_ids_survive_csv(tmp_path: Path) -> None:
    """An id is text, even when it looks like a number."""
    (tmp_path / "rows.csv").write_text("customer,item,at,basket\n007,0012,2020-01-01,1\n", encoding="utf-8")

    assert read_interactions_file(tmp_path / "rows.csv").interactions.items.tolist() == ["0012"]


def test_semicolons_separate_too(tmp_path: Path) -> None:
    """A spreadsheet's export is read as it is."""
    (tmp_path / "rows.csv").write_text("customer;item;at\nada;tea;2020-01-01\n", encoding="utf-8")

    assert read_interactions_file(tmp_path / "rows.csv").interactions.customers.tolist() == ["ada"]


def test_returns_and_unreadable_rows_are_counted(tmp_path: Path) -> None:
    """What cannot be used is left out by name, not in silence."""
    rows = "customer,item,at,quantity\nada,tea,2020-01-01,2\nada,tea,2020-01-02,-2\nada,tea,soon,1\n,tea,2020-01-01,1\n"
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    found = read_interactions_file(tmp_path / "rows.csv")

    assert len(found.interactions) == 1
    assert found.dropped == {"no usable customer": 1, "no readable time": 1, "quantity not above 0": 1}


def test_missing_columns_are_named(tmp_path: Path) -> None:
    """The error says what is lacking and what there is."""
    (tmp_path / "rows.csv").write_text("customer,product,when\na,x,2020-01-01\n", encoding="utf-8")

    with pytest.raises(InteractionsFileError, match="no column item, at") as error:
        read_interactions_file(tmp_path / "rows.csv")
    assert error.value.facts == {"missing": ["item", "at"], "found": ["customer", "product", "when"]}


def test_a_missing_empty_or_foreign_file_is_a_readable_error(tmp_path: Path) -> None:
    """No traceback of a library reaches people."""
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "none.csv").write_text("customer,item,at\n", encoding="utf-8")
    (tmp_path / "rows.parquet").write_bytes(b"not parquet at all")

    with pytest.raises(InteractionsFileMissingError):
        read_interactions_file(tmp_path / "nowhere.csv")
    for name in ("empty.csv", "none.csv", "rows.parquet"):
        with pytest.raises(InteractionsFileError):
            read_interactions_file(tmp_path / name)


def test_online_retail_is_cleaned_by_its_own_rules(tmp_path: Path) -> None:
    """Cancellations, returns, gifts, postage and anonymous rows go; codes are upper-cased."""
    rows = [
        ("536365", "85123a", 6, 2.55, 17850.0),
        ("C536365", "85123A", 6, 2.55, 17850.0),
        ("536366", "22752", -1, 2.55, 17850.0),
        ("536366", "22752", 1, 0.0, 17850.0),
        ("536366", "POST", 1, 18.0, 17850.0),
        ("536366", "22752", 1, 2.55, None),
    ]
    frame = pd.DataFrame(rows, columns=["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID"])
    frame["InvoiceDate"] = pd.Timestamp("2011-01-01")
    frame.to_parquet(tmp_path / "rows.parquet")
    found = read_interactions_file(tmp_path / "rows.parquet")

    assert found.interactions.items.tolist() == ["85123A"]
    assert found.interactions.customers.tolist() == ["17850"]
    assert found.layout == "UCI Online Retail"
    assert sum(found.dropped.values()) == 5
