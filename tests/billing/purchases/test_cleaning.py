"""What counts as a purchase: each reason by itself, returns netted, keys that last, and the published file's known counts."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from billing.purchases.cleaning import UCI_RULES, Cleaned, clean
from billing.purchases.layout import Layout
from billing.purchases.line_keys import line_keys
from billing.purchases.netting import net_returns
from billing.purchases.reading import read_purchases
from tests.data_files import data_file

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from numpy.typing import NDArray

UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def _cleaned(folder: Path, *rows: str, header: str = UCI, currency: str = "GBP") -> Cleaned:
    path = folder / "purchases.csv"
    path.write_text(header + "\n".join(rows) + "\n")
    return clean(read_purchases(path), currency=currency)


def _row(basket: str, item: str, quantity: int, *, price: str = "2.50", customer: str = "17850", day: int = 15) -> str:
    return f"{basket},{item},THING,{quantity},12/{day}/2010 8:26,{price},{customer},France"


def test_every_reason_is_counted_once_and_the_counts_add_up(tmp_path: Path) -> None:
    """A row that fails twice counts under the first reason; nothing is lost between kept and skipped."""
    result = _cleaned(
        tmp_path,
        _row("1", "85123a", 2),
        _row("2", "85123A", 1, customer=""),
        _row("C3", "22222", -1),
        _row("4", "POST", 1),
        _row("4", "BANK CHARGES", -1),
        _row("4", "gift_0001_20", 1),
        _row("5", "85123A", 0),
        _row("5", "85123A", 3, price="0"),
        _row("6", "85123A", 3, price="free"),
        _row("C7", "POST", -1, customer=""),
    )

    assert result.report.skipped == {
        "bad_row": 1,
        "no_customer": 2,
        "cancellation": 1,
        "non_product_code": 3,
        "zero_or_negative_quantity": 1,
        "zero_or_negative_price": 1,
    }
    assert (result.report.total, result.report.kept, result.report.unmatched_returns) == (10, 1, 1)
    assert result.report.examples["bad_row"][0].line == 10
    assert result.report.examples["bad_row"][0].text == "unit_price is not a price: free"
    assert result.report.examples["non_product_code"][0].text.startswith("basket 4, item POST, customer 17850")


def test_a_kept_line_holds_its_exact_amount_and_everything_the_file_said(tmp_path: Path) -> None:
    """Three at 2.555 are 7.665, which is 7.67 to the penny, half away from zero."""
    (line,) = _cleaned(tmp_path, _row("1", "85123a", 3, price="2.555")).lines.lines()

    assert (line.line_key, line.item, line.quantity) == ("1:85123A:1", "85123A", 3)
    assert (line.amount_minor, line.currency, line.unit_price) == (767, "GBP", Decimal("2.555"))
    assert (line.description, line.country, line.customer) == ("THING", "France", "17850")


def test_a_return_cancels_the_latest_earlier_purchase_first(tmp_path: Path) -> None:
    """Seven came back: all five of the last order, two of the one before; the later order and other customers keep theirs."""
    result = _cleaned(
        tmp_path,
        _row("1", "22222", 6, day=13),
        _row("2", "22222", 5, day=14),
        _row("C3", "22222", -7, day=15),
        _row("4", "22222", 9, day=16),
        _row("5", "22222", 8, day=14, customer="2"),
    )

    kept = {line.basket: (line.quantity, line.amount_minor) for line in result.lines.lines()}
    assert kept == {"1": (4, 1000), "4": (9, 2250), "5": (8, 2000)}
    assert result.report.skipped == {"cancellation": 1, "returned": 1}
    assert (result.report.netted, result.report.unmatched_returns) == (1, 0)


def test_a_return_without_its_purchase_is_told(tmp_path: Path) -> None:
    """What was bought before the file began cannot be netted; the part that can be, is."""
    result = _cleaned(tmp_path, _row("1", "22222", 2, day=13), _row("C2", "22222", -5, day=14))

    assert result.report.skipped["returned"] == 1
    assert (result.report.kept, result.report.netted, result.report.unmatched_returns) == (0, 0, 1)


def test_without_netting_cancellations_are_only_left_out(tmp_path: Path) -> None:
    """The rule that published figures use."""
    path = tmp_path / "purchases.csv"
    path.write_text(UCI + _row("1", "22222", 2) + "\n" + _row("C2", "22222", -2) + "\n")

    result = clean(read_purchases(path), currency="GBP", rules=replace(UCI_RULES, net_returns=False))

    assert (result.report.kept, result.report.skipped) == (1, {"cancellation": 1})


def test_repeated_lines_are_kept_under_keys_of_their_own(tmp_path: Path) -> None:
    """The same item twice in a basket is two lines; reading the file again gives the same keys."""
    rows = (_row("1", "22222", 1), _row("1", "33333", 1), _row("1", "22222", 1))

    first, again = _cleaned(tmp_path, *rows), _cleaned(tmp_path, *rows)

    assert first.lines.table.column("line_key").to_pylist() == ["1:22222:1", "1:33333:1", "1:22222:2"]
    assert again.lines.table.equals(first.lines.table)


def test_mending_a_row_changes_no_other_key(tmp_path: Path) -> None:
    """A bad row keeps its place in the count, so that importing the mended file adds that row alone."""
    broken = _cleaned(tmp_path, _row("1", "22222", 1, price="?"), _row("1", "22222", 2))
    mended = _cleaned(tmp_path, _row("1", "22222", 1), _row("1", "22222", 2))

    assert broken.lines.table.column("line_key").to_pylist() == ["1:22222:2"]
    assert mended.lines.table.column("line_key").to_pylist() == ["1:22222:1", "1:22222:2"]


def test_a_plain_file_keeps_any_code_and_its_own_currency(tmp_path: Path) -> None:
    """Only UCI's habits are UCI's; currencies are per line, and one that does not exist is a bad row."""
    header = "customer,item,basket,at,quantity,unit_price,currency\n"
    result = _cleaned(
        tmp_path,
        "ann,Post,C1,2026-01-31,2,1.5,jpy",
        "ann,tea,C2,2026-01-31,2,1.5,",
        "ann,tea,C3,2026-01-31,2,1.5,XXY",
        "ann,tea,C4,2026-01-31,1000000000,999999999999,EUR",
        header=header,
        currency="EUR",
    )

    assert [(line.item, line.amount_minor, line.currency) for line in result.lines.lines()] == [
        ("Post", 3, "JPY"),
        ("tea", 300, "EUR"),
    ]
    assert result.report.skipped == {"bad_row": 2}
    assert [row.text for row in result.report.examples["bad_row"]] == [
        "currency is not a code of ISO 4217: XXY",
        "the amount is more than an account can hold",
    ]


def test_the_report_is_a_json_document(tmp_path: Path) -> None:
    """The command line prints it as it is."""
    document = _cleaned(tmp_path, _row("1", "22222", 1), _row("1", "M", 1)).report.to_document()

    assert document["total"] == document["kept"] + sum(document["skipped"].values()) == 2
    assert document["examples"]["non_product_code"][0]["line"] == 3


_columns = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(-9, 9).filter(bool)),
    max_size=40,
)


def _int64(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@given(_columns)
def test_netting_loses_nothing_but_what_matched(rows: list[tuple[int, int, int]]) -> None:
    """No purchase goes below nothing or grows; what disappears of purchases is at most what came back, per pair and in time."""
    pair, at, quantity = (_int64([row[place] for row in rows]) for place in range(3))
    bought, returned = quantity > 0, quantity < 0

    remaining = net_returns(pair, at, quantity, bought=bought, returned=returned).remaining

    assert (remaining[returned] == quantity[returned]).all()
    assert ((remaining[bought] >= 0) & (remaining[bought] <= quantity[bought])).all()
    for key in range(3):
        mine = pair == key
        gone = int((quantity - remaining)[mine].sum())
        bought_units, returned_units = int(quantity[mine & bought].sum()), -int(quantity[mine & returned].sum())
        assert gone <= min(bought_units, returned_units)
        first_return = at[mine & returned].min(initial=99)
        if (at[mine & bought] <= first_return).all():
            assert gone == min(bought_units, returned_units)


@given(
    st.lists(st.tuples(st.sampled_from("a a: :a a:1 1".split()), st.sampled_from("b b: :b 1 1:1".split())), min_size=1)
)
def test_keys_are_unique_whatever_the_names(rows: list[tuple[str, str]]) -> None:
    """Colons inside baskets or items make no two keys meet."""
    basket, item = (pa.chunked_array([pa.array([row[place] for row in rows])]) for place in range(2))

    keys = line_keys(basket, item).to_pylist()

    assert len(set(keys)) == len(rows)


def test_a_key_too_long_for_its_column_is_shortened_the_same_way_each_time() -> None:
    """Two hundred characters are the column's room."""
    long = pa.chunked_array([pa.array(["x" * 150, "x" * 150])])

    keys = line_keys(long, long).to_pylist()

    assert len(set(keys)) == 2
    assert all(len(key) <= 200 for key in keys)
    assert keys == line_keys(long, long).to_pylist()


@given(st.integers(1, 10_000), st.decimals("0.0001", "9999", places=6))
def test_an_amount_is_rounded_once(tmp_path_factory: pytest.TempPathFactory, quantity: int, price: Decimal) -> None:
    """Quantity times price, exact, then to the penny half away from zero."""
    result = _cleaned(tmp_path_factory.mktemp("amount"), _row("1", "22222", quantity, price=f"{price:f}"))

    (line,) = result.lines.lines()
    assert line.amount_minor == int((quantity * price * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_the_published_file_gives_its_known_counts(tmp_path: Path) -> None:
    """396,337 purchases of 4,334 customers and 3,659 items without netting, in seconds; a made-up file stands in where it is absent."""
    path = data_file("online_retail/online_retail.parquet") or _stand_in(tmp_path)
    known = (541_909, 396_337, 4_334, 3_659, 18_402) if path.parent != tmp_path else (4_000, 3_000, 50, 75, 3_000)
    started = time.perf_counter()

    file = read_purchases(path)
    result = clean(file, currency="GBP", rules=replace(UCI_RULES, net_returns=False))

    seconds = time.perf_counter() - started
    table, report = result.lines.table, result.report
    distinct = [len(table.column(name).unique()) for name in ("customer", "item", "basket")]
    assert file.layout is Layout.UCI
    assert (report.total, report.kept, *distinct) == known
    assert report.total == report.kept + sum(report.skipped.values())
    assert len(table.column("line_key").unique()) == report.kept
    assert seconds < 15
    netted = clean(file, currency="GBP").report
    assert netted.kept + netted.skipped.get("returned", 0) == report.kept


def _stand_in(folder: Path) -> Path:
    """Three purchases and a line of postage, a thousand times."""
    rows = [
        _row(f"{n}", "POST" if n % 4 == 0 else f"{10_000 + n % 100}", 1, customer=f"{n // 4 % 50}") for n in range(4000)
    ]
    path = folder / "stand_in.csv"
    path.write_text(UCI + "\n".join(rows) + "\n")
    return path
