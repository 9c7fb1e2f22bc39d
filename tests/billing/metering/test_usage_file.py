"""Usage from a file: bad lines are told by their number, good ones are kept, and an interrupted import is finished by running it again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.metering import usage_file
from billing.metering.store import EventStore
from billing.metering.usage_file import UsageReport, import_usage
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database


@pytest.fixture
def shop(sqlite_database: Database) -> Shop:
    """A shop; what the engines do differently is tested with `ingest`."""
    return open_shop(sqlite_database)


def _write(folder: Path, lines: list[bytes]) -> Path:
    file = folder / "usage.jsonl"
    file.write_bytes(b"\n".join(lines))
    return file


def _line(event_id: str, customer: str = "ann") -> bytes:
    return json.dumps(delivery(customer, event_id, START - timedelta(days=1))).encode()


def _import(shop: Shop, file: Path) -> UsageReport:
    return import_usage(shop.database, shop.scope, file, now=START)


def test_a_bad_line_is_told_by_its_number_and_the_rest_is_kept(shop: Shop, tmp_path: Path) -> None:
    """Not JSON, not an object, not UTF-8, half a character, too deep, an unknown customer: each costs its own line."""
    file = _write(
        tmp_path,
        [
            _line("1"),
            b"{not json",
            b"[1, 2]",
            b'{"id": "\xff"}',
            b'{"id": "\\ud800", "type": "delivery", "customer": "ann"}',
            b"[" * 100_000,
            _line("7", "nobody"),
            b'{"id": "8", "type": "delivery", "customer": "ann", "data": {"n": NaN}}',
            _line("9"),
        ],
    )

    report = _import(shop, file)

    assert (report.accepted, report.duplicates) == (2, 0)
    assert [rejected["line"] for rejected in report.rejected] == [2, 3, 4, 5, 6, 7, 8]
    assert [rejected["code"] for rejected in report.rejected] == ["bad_event"] * 5 + ["customer_not_found", "bad_event"]
    assert json.dumps(report.rejected, ensure_ascii=False).encode()


def test_empty_lines_are_nothing(shop: Shop, tmp_path: Path) -> None:
    """A file may end with a newline, or two; the numbers of the lines still count them."""
    report = _import(shop, _write(tmp_path, [b"", _line("1"), b"  ", _line("2"), b"bad", b"", b""]))

    assert report.accepted == 2
    assert [rejected["line"] for rejected in report.rejected] == [5]


def test_importing_again_finishes_and_changes_nothing(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are kept as they are done; the numbers of bad lines do not depend on how the file was cut."""
    monkeypatch.setattr(usage_file, "_BATCH", 3)
    lines = [_line(str(number)) for number in range(10)]
    lines[4] = b"bad"
    half, whole = _write(tmp_path, lines[:5]), tmp_path / "whole.jsonl"
    whole.write_bytes(b"\r\n".join(lines))

    first, again = _import(shop, half), _import(shop, whole)

    assert (first.accepted, first.duplicates) == (4, 0)
    assert (again.accepted, again.duplicates) == (5, 4)
    assert [rejected["line"] for rejected in (*first.rejected, *again.rejected)] == [5, 5]


def test_progress_counts_the_lines(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each batch, whatever became of its lines."""
    monkeypatch.setattr(usage_file, "_BATCH", 2)
    told: list[int] = []
    file = _write(tmp_path, [_line("1"), b"bad", _line("3")])

    import_usage(shop.database, shop.scope, file, now=START, progress=told.append)

    assert told == [2, 1]


def test_numbers_keep_their_digits(shop: Shop, tmp_path: Path) -> None:
    """A decimal in the file is stored as it is written, not as a binary fraction."""
    event = b'{"id": "1", "type": "delivery", "customer": "ann", "data": {"a": 0.10, "b": 1e-7, "c": 7}}'
    _import(shop, _write(tmp_path, [event]))

    with shop.database.view(shop.scope) as unit:
        ((*_, data, _, _),) = EventStore(unit).rows_before(START + timedelta(days=1))
    assert data == {"a": "0.10", "b": "1e-7", "c": 7}


def test_an_empty_file_is_no_usage(shop: Shop, tmp_path: Path) -> None:
    """Nothing accepted, nothing wrong."""
    assert _import(shop, _write(tmp_path, [])) == UsageReport()
