"""Values from texts, exactly: decimals, whole numbers and instants. Each distinct text is read once, however many rows repeat it.

A text that cannot be read gives None in its place, never an error: one bad cell costs its row and no other.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from billing.kernel.errors import InvalidError
from billing.kernel.money import MoneyError, parse_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    import numpy as np
    from numpy.typing import NDArray

PRICE_DIGITS = 12  # decimals kept of a unit price
PRICE_TYPE = pa.decimal128(38, PRICE_DIGITS)
INSTANT_TYPE = pa.timestamp("us", "UTC")
NO_TEXT = pa.nulls(1, pa.string())[0]
MAX_PRICE = Decimal(10) ** 12
MAX_QUANTITY = 10**9
YEARS = range(1900, 2200)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH_SCALE = {10: 1_000_000, 13: 1_000, 16: 1}  # digits of a number since 1970 -> microseconds a unit
_SPLIT_DATE = re.compile(
    r"(\d{1,4})([/.-])(\d{1,2})\2(\d{4}|\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])[Mm])?)?"
)

T = TypeVar("T")


class DateOrder(Enum):
    """Which comes first in a date such as 03/04/2026."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


class AmbiguousDatesError(InvalidError):
    """Every date of the file could be read with the day or with the month first."""

    code = "ambiguous_dates"


def distinct(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts of a column, and which of them each row has; -1 where it has none."""
    encoded = pc.dictionary_encode(pa.array([], pa.string()) if not len(column) else _whole(column))
    rows = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), rows


def whole_numbers(column: pa.ChunkedArray, *, decimal_comma: bool) -> pa.Array:
    """int64; None where the text is no whole number of a sensible size. "6" and "6.0" are both six."""
    return _each(column, lambda text: _whole_number(_decimal(text, decimal_comma)), pa.int64())


def prices(column: pa.ChunkedArray, *, decimal_comma: bool, digits: int = PRICE_DIGITS) -> pa.Array:
    """decimal128 with `PRICE_DIGITS` decimals, rounded half away from zero at `digits` of them; None where the text is no price."""
    step = Decimal(1).scaleb(-digits)

    def price(text: str) -> Decimal | None:
        value = _decimal(text, decimal_comma)
        return None if value is None or abs(value) >= MAX_PRICE else value.quantize(step, ROUND_HALF_UP)

    return _each(column, price, PRICE_TYPE)


def instants(column: pa.ChunkedArray, zone: ZoneInfo, order: DateOrder | None) -> pa.Array:
    """Instants in UTC; a text without a zone is local to `zone`. ISO 8601, split dates and seconds since 1970 are read."""
    texts, rows = distinct(column)
    wanted = order or _date_order(texts)
    return _spread([_instant(text, zone, wanted) for text in texts], rows, pa.int64()).cast(INSTANT_TYPE)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _each(column: pa.ChunkedArray, read: Callable[[str], T | None], kind: pa.DataType) -> pa.Array:
    texts, rows = distinct(column)
    return _spread([read(text) for text in texts], rows, kind)


def _spread(values: list[T | None], rows: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """`values[rows]`, with None for -1."""
    places = pa.array(rows, mask=rows < 0)
    return pa.array(values, kind).take(places)


def _decimal(text: str, decimal_comma: bool) -> Decimal | None:  # noqa: FBT001 (a cell's text and how it is written)
    plain = text.strip()
    if decimal_comma and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        return parse_decimal(plain)
    except MoneyError:
        return None


def _whole_number(value: Decimal | None) -> int | None:
    if value is None or abs(value) > MAX_QUANTITY or value != value.to_integral_value():
        return None
    return int(value)


def _date_order(texts: Iterable[str]) -> DateOrder | None:
    """The order that the dates themselves prove; the majority's where they disagree; None when there is nothing to decide."""
    votes: Counter[DateOrder] = Counter()
    undecided: str | None = None
    for text in texts:
        match = _SPLIT_DATE.fullmatch(text.strip())
        if match is None or len(match[1]) > 2:
            continue
        first, second = int(match[1]), int(match[3])
        if first > 12 or match[2] == ".":
            votes[DateOrder.DAY_FIRST] += 1
        elif second > 12:
            votes[DateOrder.MONTH_FIRST] += 1
        elif first != second:
            undecided = text
    if votes:
        return votes.most_common(1)[0][0]
    if undecided is not None:
        raise AmbiguousDatesError(
            f"a date such as {undecided!r} may have the day or the month first, and no other date of the file decides; "
            "say which (dmy or mdy), or write dates as 2026-01-31",
            example=undecided,
        )
    return None


def _instant(text: str, zone: ZoneInfo, order: DateOrder | None) -> int | None:
    """Microseconds since 1970, or None."""
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) in _EPOCH_SCALE:
        return int(plain) * _EPOCH_SCALE[len(plain)]
    try:
        moment = _moment(plain, order)
        if moment.year not in YEARS:
            return None
        return (moment.replace(tzinfo=moment.tzinfo or zone) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _moment(text: str, order: DateOrder | None) -> datetime:
    match = _SPLIT_DATE.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text.removesuffix(" UTC"))
    first, third = int(match[1]), int(match[4])
    hour = int(match[5] or 0)
    if match[8]:
        hour = hour % 12 + (12 if match[8] in "pP" else 0)
    clock = (hour, int(match[6] or 0), int(match[7] or 0))
    if len(match[1]) > 2:
        return datetime(first, int(match[3]), third, *clock)  # noqa: DTZ001 (the caller adds the zone)
    day, month = (int(match[3]), first) if order is DateOrder.MONTH_FIRST else (first, int(match[3]))
    year = third if len(match[4]) == 4 else 2000 + third
    return datetime(year, month, day, *clock)  # noqa: DTZ001 (the caller adds the zone)
