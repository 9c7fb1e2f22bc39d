"""The value benchmark reads files as people have them, never reads ahead, and puts its forecast beside what needs no model."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data_files import data_file
from tests.models.value.buyers import simulate_bgnbd
from training.bench.value import OURS, PUBLISHED, bench_value
from training.bench.value_file import TransactionsFileError, TransactionsFileMissingError, read_transactions
from training.bench.value_judge import judge, top_tenth
from training.bench.value_table import render, to_json

if TYPE_CHECKING:
    from pathlib import Path

START = date(2024, 1, 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of five hundred buyers over three hundred days, under names of its own."""
    orders = simulate_bgnbd(0.6, 15.0, 0.8, 2.4, customers=500, days=300, join_days=60, seed=2)
    lines = [
        f"{who},{START + timedelta(days=day)},{10 + who % 7}.50"
        for who, day in zip(orders.customer.tolist(), orders.day.tolist(), strict=True)
    ]
    path: Path = tmp_path_factory.mktemp("value") / "orders.csv"
    path.write_text("Customer ID,Order Date,Total\n" + "\n".join(lines) + "\n")
    return path


def test_a_file_of_any_names_is_judged_beside_what_needs_no_model(shop: Path) -> None:
    """The forecast's error is below a customer's own rate and everybody's; text and JSON hold the same rows."""
    report = bench_value(shop)
    rows = {row.name: row for row in report.purchases}
    text = render(report)

    assert rows[OURS].rmse.mean < rows["own rate x days"].rmse.mean
    assert rows[OURS].mae.mean < rows["everybody alike"].mae.mean
    assert rows[OURS].level.low < rows[OURS].level.mean < rows[OURS].level.high
    assert report.calibration[0] == "2024-01-01"
    assert report.published == []
    assert all(row.name in text for row in report.purchases)
    assert len(json.loads(to_json(report))["purchases"]) == len(report.purchases)


def test_cdnow_is_the_published_protocol() -> None:
    """Known by its bytes: a tenth of customers hold 47 % of what comes, and the corrected level is within a twentieth."""
    path = data_file("cdnow/CDNOW_sample.txt")
    if path is None:
        assert PUBLISHED
        return
    report = bench_value(path)
    ours = next(row for row in report.purchases if row.name == OURS)

    assert (report.customers, report.repeats, report.actual) == (2357, 2457, 1882)
    assert report.fits[0].seconds < 2
    assert ours.capture.mean >= 0.47
    assert abs(ours.level.mean) < 0.05
    assert report.published


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column looks like the customer or the date"),
        ("customer,date\n,\n", "no row of the file can be used"),
        ("customer,date\nx,soon\n", "no row of the file can be used"),
    ],
)
def test_a_file_that_is_no_transactions_is_refused_with_a_way_out(tmp_path: Path, text: str, said: str) -> None:
    """Naming the option or what was wrong."""
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(TransactionsFileError, match=said):
        read_transactions(path)
    with pytest.raises(TransactionsFileMissingError):
        read_transactions(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "text",
    [
        "00001 0001 19970101 2 29.33\n00001 0001 19970301 1 10.00\n00002 0002 19970105 1 5.00\n",
        " customer_id  date number_of_cds  dollar_value\n 1 19970101 2 29.33\n 1 19970301 1 10.00\n 2 19970105 1 5.00\n",
        "user;datetime;amount\n1;1997-01-01 10:00;29.33\n1;1997-03-01T09:00:00Z;10\n2;1997-01-05;5\n",
        "client\twhen\tpaid\n1\t852112800\t29.33\n1\t857210400\t10\n2\t852458400\t5\n",
    ],
)
def test_every_layout_is_the_same_shop(tmp_path: Path, text: str) -> None:
    """Columns apart by blanks with and without a header, other separators, seconds since 1970."""
    path = tmp_path / "orders.txt"
    path.write_text(text)
    named = {"customer": "client", "date": "when", "amount": "paid"} if text.startswith("client") else {}
    orders = read_transactions(path, **named).orders

    assert orders.amount_minor.tolist() == [2933, 1000, 500]
    assert (orders.day - orders.day.min()).tolist() == [0, 59, 4]


def test_refunds_are_left_out_and_counted(tmp_path: Path) -> None:
    """A negative amount is no purchase; a free one is."""
    path = tmp_path / "orders.csv"
    path.write_text("customer,date,amount\na,2024-01-01,5\na,2024-02-01,-5\nb,2024-01-02,0\n")
    found = read_transactions(path)

    assert len(found.orders) == 2
    assert found.dropped == {"no amount, or below 0": 1}


def test_the_calibration_ends_within_the_file(shop: Path) -> None:
    """A day outside is refused with the file's own days."""
    with pytest.raises(TransactionsFileError, match="2024-01-01"):
        bench_value(shop, calibration_end=datetime(2030, 1, 1, tzinfo=UTC))


def test_figures_are_those_of_a_sum_by_hand() -> None:
    """Twenty customers, of whom the two on top hold six of eight."""
    actual = np.array([4.0, 2.0, *[0.0] * 16, 1.0, 1.0])
    forecast = np.linspace(2, 0, 20)
    row = judge({"line": forecast}, actual, ours=frozenset(), rng=np.random.default_rng(0))[0]

    assert top_tenth(forecast).sum() == 2
    assert row.capture.mean == pytest.approx(6 / 8)
    assert row.level.mean == pytest.approx(20 / 8 - 1)
    assert row.mae.mean == pytest.approx(np.abs(forecast - actual).mean())
    assert row.rmse.mean == pytest.approx(np.sqrt(((forecast - actual) ** 2).mean()))
    assert row.correlation.mean == pytest.approx(np.corrcoef(forecast, actual)[0, 1])
