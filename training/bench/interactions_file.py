"""Reads interactions from CSV or Parquet as anyone has them: named columns, any kind of timestamp, any kind of id.

Columns `customer`, `item`, `at`, and optionally `basket`, `quantity`, `price` (of one unit) and `name` (of the item); or the raw columns
of UCI Online Retail, which are cleaned by its own rules (customer present, no cancellation, positive quantity and price, product codes
only). Rows that cannot be used are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from billing.kernel.errors import InvalidError, NotFoundError
from models.recommender.interactions import Interactions

_REQUIRED = ("customer", "item", "at")
_RETAIL = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
_EPOCH_UNITS = (
    ("s", 1e11),
    ("ms", 1e14),
    ("us", 1e17),
)  # a number below the bound is in this unit; above all: nanoseconds


class InteractionsFileError(InvalidError):
    """The file cannot be read as interactions."""

    code: ClassVar[str] = "invalid_interactions_file"


class InteractionsFileMissingError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "interactions_file_missing"


@dataclass(frozen=True, slots=True)
class InteractionsFile:
    """The usable interactions, whether baskets were named, what was left out (reason to rows), and what items are called."""

    interactions: Interactions
    layout: str
    has_baskets: bool
    dropped: dict[str, int]
    names: dict[str, str] = field(default_factory=dict)


def read_interactions_file(path: Path) -> InteractionsFile:
    """The interactions of a CSV or Parquet file; an error names the columns that are missing."""
    frame = _read(Path(path))
    names = {str(name).strip().lower(): name for name in frame.columns}
    if all(name in frame.columns for name in _RETAIL):
        return _finish(_from_retail(frame), layout="UCI Online Retail", rows=len(frame))
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InteractionsFileError(
            f"the file has no column {', '.join(missing)}; it needs customer, item and at, and may have basket, quantity, price and name",
            missing=missing,
            found=[str(name) for name in frame.columns][:30],
        )
    wanted = [name for name in (*_REQUIRED, "basket", "quantity", "price", "name") if name in names]
    return _finish(
        pd.DataFrame({name: frame[names[name]] for name in wanted}), layout="customer, item, at", rows=len(frame)
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InteractionsFileMissingError(f"there is no file {path}", path=str(path))
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        text_ids = dict.fromkeys(("customer", "item", "basket", "InvoiceNo", "StockCode"), str)
        return pd.read_csv(path, dtype=text_ids, sep=_separator(path))
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise InteractionsFileError(f"{path.name} cannot be read as CSV or Parquet: {error}", path=str(path)) from error


def _separator(path: Path) -> str:
    """The most frequent of the usual separators in the first line."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    return max(",;\t|", key=head.count)


def _from_retail(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of Online Retail under our names; what its rules refuse gets no customer, and is dropped as such."""
    invoice = frame["InvoiceNo"].astype(str)
    item = frame["StockCode"].astype(str).str.strip().str.upper()
    usable = ~invoice.str.startswith("C") & (frame["Quantity"] > 0) & (frame["UnitPrice"] > 0)
    usable &= item.str.fullmatch(r"\d{5}[A-Z]{0,2}")
    return pd.DataFrame(
        {
            "customer": frame["CustomerID"].where(usable),
            "item": item,
            "at": frame["InvoiceDate"],
            "basket": invoice,
            "quantity": frame["Quantity"],
            "price": frame["UnitPrice"],
            "name": frame.get("Description"),
        }
    )


def _finish(frame: pd.DataFrame, *, layout: str, rows: int) -> InteractionsFile:
    at_us, timed = _instants(frame["at"])
    customer, has_customer = _ids(frame["customer"])
    item, has_item = _ids(frame["item"])
    keep = timed & has_customer & has_item
    dropped = {"no usable customer": int((~has_customer).sum()), "no item": int((has_customer & ~has_item).sum())}
    dropped["no readable time"] = int((has_customer & has_item & ~timed).sum())
    quantity = np.ones(rows)
    if "quantity" in frame:
        quantity = pd.to_numeric(frame["quantity"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bought = np.isfinite(quantity) & (quantity > 0)
        dropped["quantity not above 0"] = int((keep & ~bought).sum())
        keep &= bought
    basket = _ids(frame["basket"])[0] if "basket" in frame else None
    if not keep.any():
        raise InteractionsFileError("no row of the file can be used", rows=rows, dropped=dropped)
    interactions = Interactions.from_columns(
        customer[keep],
        item[keep],
        at_us[keep],
        None if basket is None else basket[keep],
        quantity[keep],
        _prices(frame)[keep] if "price" in frame else None,
    )
    left_out = {reason: count for reason, count in dropped.items() if count}
    return InteractionsFile(interactions, layout, basket is not None, left_out, _names(frame, item, keep))


def _prices(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Prices of one unit; what is no price above 0 is unknown."""
    prices = pd.to_numeric(frame["price"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(prices) & (prices > 0), prices, np.nan)


def _names(
    frame: pd.DataFrame,
    item: np.ndarray[tuple[int], np.dtype[np.str_]],
    keep: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> dict[str, str]:
    """What each item is called in the first row that names it."""
    if "name" not in frame:
        return {}
    named = keep & frame["name"].notna().to_numpy(dtype=np.bool_)
    texts = frame["name"].to_numpy(dtype=object)[named]
    found: dict[str, str] = {}
    for key, text in zip(item[named].tolist(), texts.tolist(), strict=True):
        found.setdefault(key, str(text))
    return found


def _ids(
    column: pd.Series,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.str_]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Ids as text, whole numbers without a decimal point; and which rows have one."""
    present = column.notna().to_numpy(dtype=np.bool_)
    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=0.0)
        if (numbers == np.floor(numbers)).all():
            return numbers.astype(np.int64).astype(np.str_), present
    text = column.astype(object).where(present, "").astype(str).str.strip()
    values = text.to_numpy(dtype=object).astype(np.str_)
    return values, present & (values != "")


def _instants(
    column: pd.Series,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Microseconds since the epoch in UTC (a time without a zone is taken as UTC), and which rows have one."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True)
    else:
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.notna().sum() >= column.notna().sum() and numbers.notna().any() and not _are_dates(numbers):
            moments = pd.to_datetime(numbers, unit=_epoch_unit(numbers), utc=True, errors="coerce")
        else:
            moments = _from_text(column.astype(str))
    present = moments.notna().to_numpy(dtype=np.bool_)
    filled = moments.fillna(pd.Timestamp(0, tz="UTC"))
    return filled.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64), present


def _from_text(texts: pd.Series) -> pd.Series:
    """One format for the whole column where there is one, which is fast; each value on its own where there is not."""
    moments = pd.to_datetime(texts, utc=True, errors="coerce")
    left = moments.isna()
    if left.any():
        moments = moments.where(~left, pd.to_datetime(texts.where(left), utc=True, errors="coerce", format="mixed"))
    return moments


def _are_dates(numbers: pd.Series) -> bool:
    """Whether the numbers are dates written together, such as 20111209."""
    return bool(numbers.dropna().between(19_000_101, 21_001_231).all())


def _epoch_unit(numbers: pd.Series) -> str:
    size = float(numbers.abs().max())
    return next((unit for unit, bound in _EPOCH_UNITS if size < bound), "ns")
