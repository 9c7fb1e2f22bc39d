"""The amount of each line: quantity x unit price in whole minor units, rounded once, half away from zero, in integers throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.kernel.money import MAX_MINOR, MoneyError, exponent, round_minor
from billing.purchases.text_values import distinct

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray


def amounts_minor(
    quantity: NDArray[np.int64], unit_price: pa.ChunkedArray, currency: pa.ChunkedArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The amount of each row, and whether an account can hold it; 0 where it cannot, or where price or currency is missing.

    Each distinct (quantity, price, currency) is computed once, so the cost follows the price list and not the number of rows.
    """
    price_of, price = _encoded(unit_price)
    names, named = distinct(currency)
    digits = [_digits(name) for name in names]
    amounts, sizes = np.unique(quantity, return_inverse=True)
    place = (sizes * (len(price_of) + 1) + price + 1) * (len(names) + 1) + named + 1
    _, first, inverse = np.unique(place, return_index=True, return_inverse=True)
    computed = [
        _amount(int(amounts[sizes[row]]), price_of[price[row]] if price[row] >= 0 else None, digits[named[row]])
        if named[row] >= 0
        else 0
        for row in first.tolist()
    ]
    fits = np.array([abs(amount) <= MAX_MINOR for amount in computed], dtype=np.bool_)
    bounded = np.array([amount if abs(amount) <= MAX_MINOR else 0 for amount in computed], dtype=np.int64)
    return bounded[inverse], fits[inverse]


def valid_currencies(currency: pa.ChunkedArray) -> pa.Array:
    """Whether each row's code is a currency of ISO 4217."""
    names, rows = distinct(currency)
    known = np.array([*(_digits(name) is not None for name in names), False], dtype=np.bool_)
    return pa.array(known[rows])


def _amount(quantity: int, price: Decimal | None, digits: int | None) -> int:
    if price is None or digits is None:
        return 0
    return round_minor((price * quantity).scaleb(digits))


def _digits(currency: str) -> int | None:
    try:
        return exponent(currency)
    except MoneyError:
        return None


def _encoded(unit_price: pa.ChunkedArray) -> tuple[list[Decimal], NDArray[np.int64]]:
    texts = pc.dictionary_encode(unit_price.combine_chunks())
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks)
    rows = pc.fill_null(texts.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return texts.dictionary.to_pylist(), rows
