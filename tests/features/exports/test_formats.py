"""What is written in each format, known by eye; what a spreadsheet would run; and that no format holds more than a chunk."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contact.consent import Contact
from features.exports.content import Item, Offer, columns
from features.exports.fields import FIELDS, FieldError, checked_fields
from features.exports.formats import FORMATS, FormatError, tame, writer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM = Item(item="tea", name="=Green tea", amount="4.00", currency="EUR", reason="similar to Mate").to_document()
OFFER = Offer(
    decision="dec_1",
    target="plus",
    name="Plus",
    amount="8.71",
    recurring="19.00",
    currency="EUR",
    message="Close to your limit",
    expires_at="2026-03-01T10:00:00Z",
).to_document()
ROWS: list[dict[str, Any]] = [
    {"key": "ann", "items": [ITEM], "offer": OFFER, "level": "personal"},
    {"key": 'b"ob, the\n2nd', "items": [], "offer": None, "level": "trending"},
]
CONTENT = ("key", "items", "offer", "level")


class Bytes:
    """What was written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> int:
        """Keep it."""
        self.data += data
        return len(data)


class Nothing:
    """Takes everything and keeps nothing."""

    def write(self, data: bytes, /) -> int:
        """Forget it."""
        return len(data)


def _written(name: str, rows: Sequence[dict[str, Any]], fields: Sequence[str] = CONTENT, items: int = 2) -> bytes:
    sink = Bytes()
    writer = writer_of(name, sink, fields, items=items)
    for row in rows:
        writer.write([row])
    writer.finish()
    return sink.data


def test_csv_is_flat_and_every_row_has_every_column() -> None:
    """Items that are not there are empty cells; commas, quotes and lines inside are quoted; formulas are text."""
    assert _written("csv", ROWS).decode() == (
        "key,item_1,item_1_name,item_1_amount,item_1_currency,item_1_reason,"
        "item_2,item_2_name,item_2_amount,item_2_currency,item_2_reason,"
        "offer_decision,offer_target,offer_name,offer_amount,offer_recurring,offer_currency,offer_message,offer_expires_at,level\n"
        "ann,tea,'=Green tea,4.00,EUR,similar to Mate,,,,,,"
        "dec_1,plus,Plus,8.71,19.00,EUR,Close to your limit,2026-03-01T10:00:00Z,personal\n"
        '"b""ob, the\n2nd",,,,,,,,,,,,,,,,,,,trending\n'
    )


def test_json_lines_are_nested() -> None:
    """A row a line, as it is."""
    lines = _written("jsonl", ROWS).decode().splitlines()

    assert lines[1] == '{"key":"b\\"ob, the\\n2nd","items":[],"offer":null,"level":"trending"}'
    assert '"items":[{"item":"tea","name":"=Green tea","amount":"4.00"' in lines[0]


def test_parquet_reads_back_as_it_was_written() -> None:
    """Nested too, whatever the chunks; without rows it still has its columns."""
    assert pq.read_table(io.BytesIO(_written("parquet", ROWS))).to_pylist() == ROWS
    assert pq.read_table(io.BytesIO(_written("parquet", []))).column_names == list(CONTENT)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6) | st.sampled_from(
    ("=1+1", "+1", "-1", "@x", "\t=1", '"', ",")
)


@settings(max_examples=40)
@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_a_spreadsheet_reads_back_what_was_written_and_runs_none_of_it(found: list[tuple[str, str]]) -> None:
    """No cell begins like a formula, and nothing but the quote in front is changed."""
    rows: list[dict[str, Any]] = [{"key": key, "name": name} for key, name in found]

    read = list(csv.reader(io.StringIO(_written("csv", rows, ("key", "name")).decode(), newline="")))

    assert read == [["key", "name"], *([tame(key), tame(name)] for key, name in found)]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for cell in row)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_format_holds_more_than_a_chunk(name: str) -> None:
    """Three times the rows take no more memory."""
    _peak(name, 1_000)  # what is loaded once is loaded now

    few, many = _peak(name, 6_000), _peak(name, 18_000)

    assert many < few + 400_000


def _peak(name: str, count: int) -> int:
    tracemalloc.start()
    writer = writer_of(name, Nothing(), ("key", "name"), items=1)
    for start in range(0, count, 500):
        writer.write([{"key": f"customer-{number}", "name": "x" * 50} for number in range(start, start + 500)])
    writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_fields_come_from_the_list_and_in_its_order() -> None:
    """The key is always there; nothing asked for is as little as the channel needs; analytics is told nothing personal."""
    mail = Contact(purpose="marketing", channel="email")
    count = Contact(purpose="analytics", channel="file")

    assert checked_fields(["offer", "email"], mail) == ("key", "email", "offer")
    assert checked_fields([], mail) == ("key", "email")
    assert checked_fields([], Contact(purpose="marketing", channel="sms")) == ("key",)
    assert checked_fields(["country", "zone"], count) == ("key", "country", "zone")
    with pytest.raises(FieldError):
        checked_fields(["address"], mail)
    for name in (field.name for field in FIELDS.values() if field.is_personal):
        with pytest.raises(FieldError):
            checked_fields([name], count)
    with pytest.raises(FormatError):
        writer_of("xlsx", Nothing(), ("key",), items=1)
    assert columns(["key", "level"], 3) == ("key", "level")
