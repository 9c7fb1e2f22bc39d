"""Purchase files as people have them: every encoding, delimiter, column name and kind of date, and what is said when one cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.purchases.layout import Layout, PurchaseColumnsError, parse_map, recognise
from billing.purchases.reading import PurchaseFileError, PurchaseFileMissingError, read_purchases
from billing.purchases.text_values import AmbiguousDatesError, DateOrder, instants, prices

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "customer,item,basket,at,quantity,unit_price\n"
UCI_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def _file(folder: Path, content: str | bytes, name: str = "purchases.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_our_own_columns_are_read_as_they_are(tmp_path: Path) -> None:
    """A file with our names gives typed values, exact to the last digit."""
    path = _file(tmp_path, HEADER + "ann,tea,b1,2026-01-31T09:00:00+01:00,2,3.335\n")

    file = read_purchases(path)

    (row,) = file.table.to_pylist()
    assert file.layout is Layout.PLAIN
    assert row["at"] == datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert (row["customer"], row["item"], row["basket"]) == ("ann", "tea", "b1")
    assert (row["quantity"], row["unit_price"]) == (2, Decimal("3.335"))
    assert (row["line"], row["problem"]) == (2, None)


def test_the_uci_columns_are_known(tmp_path: Path) -> None:
    """Online Retail's names, American dates and floating customer numbers need no help."""
    path = _file(tmp_path, UCI_HEADER + "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850.0,United Kingdom\n")

    file = read_purchases(path)

    (row,) = file.table.to_pylist()
    assert (file.layout, file.currency) == (Layout.UCI, "GBP")
    assert row["customer"] == "17850"
    assert row["at"] == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert (row["description"], row["country"]) == ("HOLDER", "United Kingdom")


def test_the_names_of_the_second_uci_file_are_known() -> None:
    """Online Retail II calls the same columns Invoice, Price and Customer ID."""
    found = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]

    layout, columns = recognise(found)

    assert layout is Layout.UCI_II
    assert (columns.basket, columns.unit_price, columns.customer) == ("Invoice", "Price", "Customer ID")


@pytest.mark.parametrize(
    "header",
    [
        "customer_id,sku,order_id,ordered_at,qty,price",
        "Client ID;Product Code;Order Number;Order Date;Quantity;Unit Price",
        "userId\titemId\ttransactionId\ttimestamp\tunits\titem_price",
    ],
)
def test_usual_synonyms_are_known(tmp_path: Path, header: str) -> None:
    """Snake, camel and spaced names in comma, semicolon and tab files all mean the same."""
    sign = next(sign for sign in ",;\t" if sign in header)
    row = sign.join(["ann", "tea", "b1", "2026-01-31 09:00:00", "2", "3.50"])

    (read,) = read_purchases(_file(tmp_path, f"{header}\n{row}\n")).table.to_pylist()

    assert (read["customer"], read["item"], read["basket"], read["quantity"]) == ("ann", "tea", "b1", 2)
    assert read["unit_price"] == Decimal("3.5")


def test_a_column_map_names_what_is_not_recognised(tmp_path: Path) -> None:
    """The caller's names win over recognition."""
    path = _file(tmp_path, "who,what,basket,at,quantity,unit_price,item\nann,tea,b1,2026-01-31,1,2,wrong\n")

    file = read_purchases(path, columns=parse_map(["customer=who", "item=what"]))

    assert file.table.select(["customer", "item"]).to_pylist() == [{"customer": "ann", "item": "tea"}]


def test_missing_columns_are_named_with_an_example(tmp_path: Path) -> None:
    """The error says what is missing, what there is, and how to map it."""
    path = _file(tmp_path, "who,item,basket,at,quantity,cost\nann,tea,b1,2026-01-31,1,2\n")

    with pytest.raises(PurchaseColumnsError, match="no column for customer, unit_price; it has who, item") as caught:
        read_purchases(path)

    assert caught.value.code == "purchase_columns"
    assert caught.value.facts["missing"] == ["customer", "unit_price"]
    assert "--map customer=CustomerID" in caught.value.detail


@pytest.mark.parametrize(
    ("given_map", "sentence"),
    [({"customer": "nobody"}, "no column 'nobody'"), ({"price": "cost"}, "no 'price' to map; the names are customer")],
)
def test_a_map_that_cannot_be_is_refused(given_map: dict[str, str], sentence: str) -> None:
    """Neither unknown names nor absent columns are passed over."""
    with pytest.raises(PurchaseColumnsError, match=sentence):
        recognise(HEADER.strip().split(","), given_map)


def test_a_repeated_column_is_refused() -> None:
    """Two columns of one name leave open which is meant."""
    with pytest.raises(PurchaseColumnsError, match="more than one column named 'item'"):
        recognise([*HEADER.strip().split(","), "item"])


def test_latin_1_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    """Both files say the same, whatever program wrote them."""
    text = HEADER.replace("\n", ",description\n") + "ann,tea,b1,2026-01-31,1,2,café £5\n"

    old = read_purchases(_file(tmp_path, text.encode("latin-1"), "old.csv")).table
    marked = read_purchases(_file(tmp_path, text.encode("utf-8-sig"), "marked.csv")).table

    assert old.column("description").to_pylist() == ["café £5"]
    assert marked.equals(old)


def test_bad_cells_cost_their_row_and_no_other(tmp_path: Path) -> None:
    """Each bad row says its line and what is wrong; blank lines are no rows; the good ones stay."""
    rows = [
        "ann,tea,b1,2026-01-31,1,2.50",
        "ann,tea,b1,someday,1,2.50",
        "",
        'ann,"green\ntea",b1,2026-01-31,1,2.50',
        "ann,tea,b1,2026-01-31,1.5,2.50",
        "ann,tea,b1,2026-01-31,1,about 2",
        "ann,tea,b1",
        "ann,,b1,2026-01-31,1,2.50",
        "ann,tea,b1,2026-02-30,1,",
        "",
    ]

    table = read_purchases(_file(tmp_path, HEADER + "\n".join(rows) + "\n")).table

    assert dict(zip(table.column("line").to_pylist(), table.column("problem").to_pylist(), strict=True)) == {
        2: None,
        3: "at is not a time: someday",
        5: None,
        7: "quantity is not a whole number: 1.5",
        8: "unit_price is not a price: about 2",
        9: "the row has 3 cells where the header has 6",
        10: "no item",
        11: "at is not a time: 2026-02-30",
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"\n\n", "no column names"),
        (HEADER.encode(), "a header but no rows"),
        (b"PK\x03\x04\x00\x00", "save a spreadsheet as CSV"),
        (b"PAR1 is not enough", "cannot be read as CSV or Parquet"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Empty, binary and broken files are told apart."""
    with pytest.raises(PurchaseFileError, match=sentence) as caught:
        read_purchases(_file(tmp_path, content))

    assert "\n" not in caught.value.detail


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """A missing file is not a bad one, and a folder is no file."""
    with pytest.raises(PurchaseFileMissingError, match=r"there is no file absent\.csv"):
        read_purchases(tmp_path / "absent.csv")
    with pytest.raises(PurchaseFileMissingError):
        read_purchases(tmp_path)


def test_parquet_of_any_kind_of_column_equals_its_csv(tmp_path: Path) -> None:
    """Floating ids, prices with binary noise, dictionaries and dates give what their texts would."""
    noisy = [0.1 + 0.2, 2.55, None]
    table = pa.table(
        {
            "customer": pa.array([17850.0, None, 3.0]),
            "item": pa.array(["tea", "tea", "mug"]).dictionary_encode(),
            "basket": pa.array([1, 2, 3]),
            "at": pa.array([date(2026, 1, 31)] * 3),
            "quantity": pa.array([6.0, 1.5, 1.0]),
            "unit_price": pa.array(noisy),
        }
    )
    pq.write_table(table, tmp_path / "purchases.parquet")
    rows = ["17850,tea,1,2026-01-31,6,0.3", ",tea,2,2026-01-31,1.5,2.55", "3,mug,3,2026-01-31,1,"]
    written = _file(tmp_path, HEADER + "\n".join(rows) + "\n")

    stored, typed = read_purchases(tmp_path / "purchases.parquet").table, read_purchases(written).table

    assert stored.drop_columns("line").equals(typed.drop_columns("line"))
    assert stored.column("problem").to_pylist() == [
        None,
        "quantity is not a whole number: 1.5",
        "unit_price is not a price: nothing",
    ]


def test_a_column_of_a_kind_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """The error names the column and what it holds."""
    columns = dict.fromkeys(HEADER.strip().split(","), pa.array(["1"])) | {"item": pa.array([["a", "b"]])}
    pq.write_table(pa.table(columns), tmp_path / "purchases.parquet")

    with pytest.raises(PurchaseColumnsError, match="'item' holds list"):
        read_purchases(tmp_path / "purchases.parquet")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31 09:05", datetime(2026, 1, 31, 9, 5, tzinfo=UTC)),
        ("2026-01-31T09:05:07.250Z", datetime(2026, 1, 31, 9, 5, 7, 250_000, tzinfo=UTC)),
        ("2026-01-31 09:05:07 UTC", datetime(2026, 1, 31, 9, 5, 7, tzinfo=UTC)),
        ("2026/1/31 9:05", datetime(2026, 1, 31, 9, 5, tzinfo=UTC)),
        ("31/1/2026 9:05", datetime(2026, 1, 31, 9, 5, tzinfo=UTC)),
        ("1/31/26 9:05 PM", datetime(2026, 1, 31, 21, 5, tzinfo=UTC)),
        ("01.02.2026", datetime(2026, 2, 1, tzinfo=UTC)),
        ("1769850307", datetime(2026, 1, 31, 9, 5, 7, tzinfo=UTC)),
        ("1769850307250", datetime(2026, 1, 31, 9, 5, 7, 250_000, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(tmp_path: Path, text: str, moment: datetime) -> None:
    """ISO, slashes, points and seconds since 1970; a time without a zone is UTC unless told."""
    table = read_purchases(_file(tmp_path, HEADER + f"ann,tea,b1,{text},1,2\n")).table

    assert table.column("at").to_pylist() == [moment]


def test_a_time_without_a_zone_is_local_to_the_one_given(tmp_path: Path) -> None:
    """Nine in the morning in Berlin is eight in winter and seven in summer, in CSV as in Parquet."""
    path = _file(tmp_path, HEADER + "a,t,b1,2026-01-31 09:00,1,2\na,t,b2,2026-07-31 09:00,1,2\n")
    texts = {name: ["1", "1"] for name in HEADER.strip().split(",")}
    naive = pa.array([datetime(2026, 1, 31, 9), datetime(2026, 7, 31, 9)])  # noqa: DTZ001 (a local time is what is tested)
    pq.write_table(pa.table(texts | {"at": naive}), tmp_path / "purchases.parquet")

    written = read_purchases(path, zone="Europe/Berlin").table.column("at").to_pylist()
    stored = read_purchases(tmp_path / "purchases.parquet", zone="Europe/Berlin").table.column("at").to_pylist()

    assert [moment.hour for moment in written] == [8, 7]
    assert stored == written


def test_dates_that_could_be_either_are_asked_about(tmp_path: Path) -> None:
    """No date is guessed: one clear date decides for all, otherwise the caller does."""
    unclear = "a,t,b1,03/04/2026,1,2\n"
    path = _file(tmp_path, HEADER + unclear)
    clear = _file(tmp_path, HEADER + unclear + "a,t,b2,25/04/2026,1,2\n", "clear.csv")

    with pytest.raises(AmbiguousDatesError, match="03/04/2026"):
        read_purchases(path)
    told = read_purchases(path, date_order=DateOrder.MONTH_FIRST)

    assert told.table.column("at").to_pylist() == [datetime(2026, 3, 4, tzinfo=UTC)]
    assert read_purchases(clear).table.column("at").to_pylist()[0] == datetime(2026, 4, 3, tzinfo=UTC)


def test_a_decimal_comma_is_read_where_semicolons_separate(tmp_path: Path) -> None:
    """European exports write 2,55; in a comma file the same cell is no number."""
    european = _file(tmp_path, HEADER.replace(",", ";") + "a;t;b1;2026-01-31;1;2,55\n", "european.csv")
    american = _file(tmp_path, HEADER + 'a,t,b1,2026-01-31,1,"2,55"\n')

    assert read_purchases(european).table.column("unit_price").to_pylist() == [Decimal("2.55")]
    assert read_purchases(american).table.column("problem").to_pylist() == ["unit_price is not a price: 2,55"]


@given(st.lists(st.decimals("-99999", "99999", places=12), min_size=1, max_size=20))
def test_a_price_is_what_its_text_says(values: list[Decimal]) -> None:
    """Twelve decimals pass through without a binary fraction."""
    column = pa.chunked_array([pa.array([f"{value:f}" for value in values])])

    assert prices(column, decimal_comma=False).to_pylist() == values


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.timezones()), max_size=20))  # noqa: DTZ001 (bounds are naive by hypothesis' own rule)
def test_an_instant_survives_being_written(moments: list[datetime]) -> None:
    """Any zone, any microsecond: the same instant in UTC."""
    column = pa.chunked_array([pa.array([moment.isoformat() for moment in moments], pa.string())])

    assert instants(column, ZoneInfo("UTC"), None).to_pylist() == [moment.astimezone(UTC) for moment in moments]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_our_own_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """No content of a file ends in another program's error."""
    path = _file(tmp_path_factory.mktemp("bytes"), HEADER.encode() + content)

    try:
        table = read_purchases(path).table
    except (PurchaseFileError, AmbiguousDatesError):
        return
    assert table.num_rows > 0
