"""Reads transactions as anyone has them: the whitespace layout of CDNOW, UCI Online Retail, or CSV and Parquet with guessed columns.

A day is a UTC calendar day, an amount whole minor units (hundredths). Rows that cannot be used are counted by reason; a refund, such as
a negative amount, is not a purchase.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from billing.kernel.errors import InvalidError, NotFoundError
from models.value.orders import Orders

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_RETAIL = ("InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
_GUESSES = {
    "customer": (
        "customer",
        "customer_id",
        "customerid",
        "cust_id",
        "client_id",
        "client",
        "user_id",
        "user",
        "buyer",
        "id",
    ),
    "date": (
        "date",
        "at",
        "order_date",
        "transaction_date",
        "invoicedate",
        "purchase_date",
        "datetime",
        "timestamp",
        "day",
        "time",
    ),
    "amount": (
        "amount",
        "dollar_value",
        "value",
        "spend",
        "monetary",
        "total",
        "revenue",
        "sales",
        "price",
        "amount_minor",
    ),
}
_MINOR = 100


class TransactionsFileError(InvalidError):
    """The file cannot be read as transactions."""

    code: ClassVar[str] = "invalid_transactions_file"


class TransactionsFileMissingError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "transactions_file_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsFile:
    """The usable orders; `has_amounts` is whether spend can be judged, `dropped` names what was left out."""

    orders: Orders
    layout: str
    has_amounts: bool
    dropped: dict[str, int]
    sha256: str


def read_transactions(path: Path, *, customer: str = "", date: str = "", amount: str = "") -> TransactionsFile:
    """The orders of a file; columns that are not named are guessed, and an error says what was looked for."""
    if not path.is_file():
        raise TransactionsFileMissingError(f"there is no file {path}", path=str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    frame, layout = _frame(path)
    if layout == "table" and not (customer or date or amount) and all(name in frame.columns for name in _RETAIL):
        frame, layout = _from_retail(frame), "UCI Online Retail"
        names = {"customer": "customer", "date": "date", "amount": "amount"}
    else:
        names = _names(frame, {"customer": customer, "date": date, "amount": amount})
    orders, dropped = _orders(frame, names)
    return TransactionsFile(
        orders=orders, layout=layout, has_amounts=bool(names.get("amount")), dropped=dropped, sha256=digest
    )


def _frame(path: Path) -> tuple[pd.DataFrame, str]:
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path), "table"
        with path.open(encoding="utf-8", errors="replace") as file:
            head = next((line for line in file if line.strip()), "")
        if not any(mark in head for mark in ",;\t|") and len(head.split()) >= 3:
            return _from_columns(path, head.split()), "whitespace columns"
        return pd.read_csv(path, sep=max(",;\t|", key=head.count), dtype=str, encoding_errors="replace"), "table"
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise TransactionsFileError(f"{path.name} cannot be read as transactions: {error}", path=str(path)) from error


def _from_columns(path: Path, head: list[str]) -> pd.DataFrame:
    """Columns apart by blanks: with a header as named; else customer, (second id,) date as yyyymmdd, (items,) amount."""
    if not head[0].lstrip("-").isdigit():
        return pd.read_csv(path, sep=r"\s+", dtype=str)
    frame = pd.read_csv(path, sep=r"\s+", header=None, dtype=str)
    dates = [place for place in frame.columns[1:] if frame[place].str.fullmatch(r"(19|20)\d{6}").mean() > 0.99]
    if not dates:
        raise TransactionsFileError("no column of the file holds dates such as 19970131", columns=len(frame.columns))
    return frame.rename(columns={0: "customer", dates[0]: "date", frame.columns[-1]: "amount"})


def _from_retail(frame: pd.DataFrame) -> pd.DataFrame:
    quantity, price = (pd.to_numeric(frame[name], errors="coerce") for name in ("Quantity", "UnitPrice"))
    usable = ~frame["InvoiceNo"].astype(str).str.startswith("C") & (quantity > 0) & (price > 0)
    paid = quantity * price
    return pd.DataFrame(
        {"customer": frame["CustomerID"], "date": frame["InvoiceDate"], "amount": paid.where(usable, -1.0)}
    )


def _names(frame: pd.DataFrame, given: dict[str, str]) -> dict[str, str]:
    by_lower = {str(name).strip().lower().replace(" ", "_"): str(name) for name in reversed(list(frame.columns))}
    found: dict[str, str] = {}
    for role, name in given.items():
        if name and name not in frame.columns:
            raise TransactionsFileError(
                f"the file has no column {name!r}", found=[str(each) for each in frame.columns][:30]
            )
        guess = name or next((by_lower[each] for each in _GUESSES[role] if each in by_lower), "")
        if guess:
            found[role] = guess
    missing = [role for role in ("customer", "date") if role not in found]
    if missing:
        options = " and ".join(f"--{role}" for role in missing)
        raise TransactionsFileError(
            f"no column looks like the {' or the '.join(missing)}; name it with {options}",
            missing=missing,
            found=[str(each) for each in frame.columns][:30],
        )
    return found


def _orders(frame: pd.DataFrame, names: dict[str, str]) -> tuple[Orders, dict[str, int]]:
    present = frame[names["customer"]].notna().to_numpy(dtype=np.bool_)
    who = _ids(frame[names["customer"]])
    present = present & (who != "")
    days, dated = _days(frame[names["date"]])
    minor = np.zeros(len(frame), dtype=np.int64)
    paid = np.ones(len(frame), dtype=np.bool_)
    if "amount" in names:
        numbers = pd.to_numeric(frame[names["amount"]], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        paid = np.isfinite(numbers) & (numbers >= 0)
        unit = 1 if names["amount"].lower().endswith("_minor") else _MINOR
        minor = np.rint(np.where(paid, numbers, 0.0) * unit).astype(np.int64)
    dropped = {
        "no customer": int((~present).sum()),
        "no readable date": int((present & ~dated).sum()),
        "no amount, or below 0": int((present & dated & ~paid).sum()),
    }
    keep = present & dated & paid
    if not keep.any():
        raise TransactionsFileError("no row of the file can be used", rows=len(frame), dropped=dropped)
    return Orders.of(who[keep], days[keep], minor[keep]), {reason: count for reason, count in dropped.items() if count}


def _ids(column: pd.Series) -> NDArray[np.str_]:
    if pd.api.types.is_float_dtype(column.dtype):
        return np.asarray(column.astype("Int64").astype("string").fillna(""), dtype=np.str_)
    return np.asarray(column.astype("string").str.strip().fillna(""), dtype=np.str_)


def _days(column: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970, and which rows have one; numbers such as 20111209 are dates, larger ones seconds or finer since 1970."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True)
    else:
        text = column.astype("string").str.strip()
        numbers = pd.to_numeric(text, errors="coerce")
        if numbers.notna().any() and numbers.dropna().between(19_000_101, 21_001_231).all():
            moments = pd.to_datetime(text.str.slice(0, 8), format="%Y%m%d", utc=True, errors="coerce")
        elif numbers.notna().sum() >= column.notna().sum() and numbers.notna().any():
            size = float(numbers.abs().max())
            unit = next((name for name, most in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if size < most), "ns")
            moments = pd.to_datetime(numbers.astype("float64"), unit=unit, utc=True, errors="coerce")
        else:
            moments = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
            left = moments.isna()
            if left.any():
                moments = moments.where(
                    ~left, pd.to_datetime(text.where(left), utc=True, errors="coerce", format="mixed")
                )
    present = moments.notna().to_numpy(dtype=np.bool_)
    filled = moments.fillna(pd.Timestamp(0, tz="UTC")).dt.tz_localize(None)
    return filled.to_numpy().astype("datetime64[D]").astype(np.int64), present
