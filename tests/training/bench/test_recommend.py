"""The recommender benchmark end to end: a shop with tastes, tiny shops, and one real data set where it is present."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.data_files import data_file
from tests.models.recommender.simulated_shop import simulated_shop
from training.bench.interactions_file import InteractionsFileError, read_interactions_file
from training.bench.recommend import bench_recommend, to_json
from training.bench.recommend_table import render

if TYPE_CHECKING:
    from pathlib import Path

    from models.recommender.interactions import Interactions


def _write(shop: Interactions, path: Path) -> Path:
    pd.DataFrame(
        {
            "customer": shop.customers[shop.row],
            "item": shop.items[shop.col],
            "at": shop.at_us.astype("datetime64[us]"),
            "basket": shop.basket,
        }
    ).to_parquet(path)
    return path


def test_tastes_are_found_with_certainty_and_told_in_a_table(tmp_path: Path) -> None:
    """The known answer: the champion leads popularity, and text and JSON say the same."""
    told: list[str] = []
    report = bench_recommend(
        _write(simulated_shop(), tmp_path / "shop.parquet"), test_days=20, k=5, progress=told.append
    )
    new, either = report.tasks
    text, document = render(report), json.loads(to_json(report))
    popular = new.rows[0]

    assert new.champion is not None
    assert new.champion.recall.low > popular.recall.high
    assert len(new.rows) == len(either.rows) == 8
    assert report.baskets is not None
    assert report.verdict in text
    assert document["verdict"] == report.verdict
    assert f"{new.champion.recall.mean:.4f}" in text
    assert told


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    """Only the seconds differ."""
    path = _write(simulated_shop(80), tmp_path / "shop.parquet")
    first, second = (bench_recommend(path, test_days=20, k=5, seed=1) for _ in range(2))

    assert [row.lead for row in first.tasks[0].rows] == [row.lead for row in second.tasks[0].rows]
    assert first.config == second.config


@pytest.mark.parametrize("customers", [2, 12, 50])
def test_a_tiny_shop_gets_an_answer(tmp_path: Path, customers: int) -> None:
    """A few customers make wide intervals, never an error."""
    report = bench_recommend(_write(simulated_shop(customers), tmp_path / "shop.parquet"))

    assert report.verdict in render(report)
    assert report.train.rows > 0


def test_a_short_file_is_tested_on_its_last_quarter(tmp_path: Path) -> None:
    """Ten days cannot hold a month of test; the note says what was done instead."""
    shop = simulated_shop(60)
    report = bench_recommend(_write(shop.before(10 * 86_400_000_000), tmp_path / "shop.parquet"))

    assert 2 < report.test_days < 3
    assert "last quarter" in render(report)


def test_a_cutoff_is_taken_as_given(tmp_path: Path) -> None:
    """Train lies before it, test at or after it; a cutoff before everything is an error that says so."""
    path = _write(simulated_shop(60), tmp_path / "shop.parquet")
    report = bench_recommend(path, test_days=10, cutoff=datetime(1970, 3, 1, tzinfo=UTC))

    assert report.cutoff == "1970-03-01T00:00:00Z"
    with pytest.raises(InteractionsFileError, match="before the cutoff"):
        bench_recommend(path, cutoff=datetime(1960, 1, 1, tzinfo=UTC))


def test_real_purchases_are_cleaned_as_published(tmp_path: Path) -> None:
    """Online Retail gives the published rows, customers, items and invoices; without it, three lines of its layout give theirs."""
    path, expected = data_file("online_retail/online_retail.parquet"), (396_337, 4_334, 3_659, 18_402)
    if path is None:
        path, expected = tmp_path / "retail.csv", (2, 1, 2, 1)
        head = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID"
        lines = [
            "1,22752,1,12/1/2010 8:26,2.5,17850",
            "1,85123a,1,12/1/2010 8:26,2.5,17850",
            "C2,22752,1,12/2/2010 8:26,2.5,17850",
        ]
        path.write_text("\n".join([head, *lines]), encoding="utf-8")
    found = read_interactions_file(path).interactions

    assert (len(found), found.customers.size, found.items.size, np.unique(found.basket).size) == expected
