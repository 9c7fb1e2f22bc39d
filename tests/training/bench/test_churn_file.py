"""Tables as people have them: columns typed by looking, outcomes in any words, and a clear sentence where something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from training.bench.churn_file import ChurnFileError, ChurnFileMissingError, read_churn_file

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 200


def frame() -> pd.DataFrame:
    """Two hundred customers with every kind of column."""
    rng = np.random.default_rng(0)
    spent = rng.gamma(2, 50, ROWS).round(2)
    return pd.DataFrame(
        {
            "customerID": [f"A-{number:04d}" for number in range(ROWS)],
            "RowNumber": np.arange(1, ROWS + 1),
            "plan": rng.choice(["basic", "plus"], ROWS),
            "spent": [" " if number % 20 == 0 else str(value) for number, value in enumerate(spent)],
            "joined": pd.date_range("2020-01-01", periods=ROWS).astype(str),
            "senior": rng.integers(0, 2, ROWS).astype(bool),
            "country": "CH",
            "Churn": rng.choice(["Yes", "No"], ROWS, p=[0.3, 0.7]),
        }
    )


def written(tmp_path: Path, table: pd.DataFrame, name: str = "t.csv", sep: str = ",") -> Path:
    """The table in a file."""
    path = tmp_path / name
    if name.endswith("parquet"):
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep=sep)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_columns_are_typed_by_looking_at_them(tmp_path: Path, name: str) -> None:
    """Numbers written as text with blanks, moments as days, categories as levels; ids and constants are left out with a note."""
    found = read_churn_file(written(tmp_path, frame(), name), label="Churn", id_column="customerID")

    assert found.examples.table.columns == ("plan", "spent", "joined", "senior")
    assert found.categorical == ("plan",)
    assert int(np.isnan(found.examples.table.column("spent")).sum()) == 10
    assert np.diff(found.examples.table.column("joined")).tolist() == [1.0] * (ROWS - 1)
    assert found.positive == "Yes"
    assert found.examples.label.tolist() == (frame()["Churn"] == "Yes").tolist()
    assert found.examples.customers[0] == "A-0000"
    assert "RowNumber is left out: it looks like an id" in found.notes
    assert "country is left out: it is constant" in found.notes


def test_an_id_that_nobody_named_is_still_no_feature(tmp_path: Path) -> None:
    """Two hundred texts in two hundred rows tell nothing."""
    found = read_churn_file(written(tmp_path, frame()), label="Churn")

    assert "customerID" not in found.examples.table.columns
    assert any(note.startswith("customerID is left out: 200 different texts") for note in found.notes)


@pytest.mark.parametrize(
    ("values", "positive"),
    [((1, 0), "1"), ((True, False), "true"), (("Attrited Customer", "Existing Customer"), "Attrited Customer")],
)
def test_the_outcome_may_be_told_in_any_words(tmp_path: Path, values: tuple[object, object], positive: str) -> None:
    """Numbers, flags and words; the value that means leaving counts, else the rarer one."""
    table = frame()
    table["Churn"] = [values[0] if value == "Yes" else values[1] for value in table["Churn"]]

    found = read_churn_file(written(tmp_path, table, sep=";"), label="Churn")

    assert found.positive == positive
    assert found.examples.positives == int((frame()["Churn"] == "Yes").sum())


def test_one_of_several_outcomes_can_be_named(tmp_path: Path) -> None:
    """Three values need a word from the user; rows without an outcome are counted."""
    table = frame()
    table.loc[:19, "Churn"] = "Maybe"
    table.loc[20:24, "Churn"] = None
    path = written(tmp_path, table)

    with pytest.raises(ChurnFileError, match="3 different values"):
        read_churn_file(path, label="Churn")
    found = read_churn_file(path, label="Churn", positive="Maybe")

    assert (found.examples.positives, len(found.examples)) == (20, ROWS - 5)
    assert "5 rows without an outcome are left out" in found.notes


def test_a_column_that_tells_the_outcome_alone_is_flagged_and_can_be_dropped(tmp_path: Path) -> None:
    """Post-outcome columns are the commonest leak of public tables; the note says how to leave it out."""
    table = frame().assign(refund=lambda rows: (rows["Churn"] == "Yes") * 10.0)
    path = written(tmp_path, table)

    flagged = read_churn_file(path, label="Churn")
    dropped = read_churn_file(path, label="Churn", drop=["refund"])

    assert any(note.startswith("refund alone tells the outcome (AUC 1.000): a possible leak") for note in flagged.notes)
    assert not any("possible leak" in note for note in dropped.notes)


def test_customers_with_several_rows_are_noticed(tmp_path: Path) -> None:
    """So that a fold never has them on both sides."""
    table = frame().assign(customerID=lambda rows: rows["customerID"].str[:5])

    assert read_churn_file(written(tmp_path, table), label="Churn", id_column="customerID").repeats_customers


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a missing column, a value that never occurs, an outcome that never happens."""
    path = written(tmp_path, frame())

    with pytest.raises(ChurnFileMissingError):
        read_churn_file(tmp_path / "none.csv", label="Churn")
    with pytest.raises(ChurnFileError, match="no column Left; it has customerID"):
        read_churn_file(path, label="Left")
    with pytest.raises(ChurnFileError, match="never Perhaps"):
        read_churn_file(path, label="Churn", positive="Perhaps")
    with pytest.raises(ChurnFileError, match="too few"):
        read_churn_file(written(tmp_path, frame().assign(Churn="No"), "one.csv"), label="Churn", positive="No")
