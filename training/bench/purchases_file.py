"""Reads any file of purchases as orders with amounts: who ordered when, for how much, and how much of what.

Columns `customer`, `at`, and optionally `order` (or basket, invoice), `item`, `quantity`, `price` or `amount`, under their usual names in
any spelling. Lines without customer or moment, cancellations and lines of nothing are left out and counted. Without an order column all
of a customer's lines of one moment are one order.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pandas as pd

from billing.kernel.errors import InvalidError
from models.churn.buying import Orders
from training.bench.churn_file import read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": ("customer", "customerid", "client", "clientid", "userid", "user", "custid", "memberid", "cardid"),
    "at": ("at", "invoicedate", "orderdate", "date", "datetime", "timestamp", "time", "purchasedate", "transdate"),
    "order": ("order", "orderid", "invoice", "invoiceno", "basket", "basketid", "transactionid", "receipt"),
    "item": ("item", "itemid", "stockcode", "product", "productid", "sku", "articleid", "variantid"),
    "quantity": ("quantity", "qty", "units"),
    "price": ("price", "unitprice"),
    "amount": ("amount", "total", "sales", "revenue", "value", "purchaseamount", "spend"),
}
_EPOCH: Final = ((1e11, "s"), (1e14, "ms"), (1e17, "us"))


class PurchasesFileError(InvalidError):
    """The file cannot be read as purchases."""

    code: ClassVar[str] = "invalid_purchases_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasesFile:
    """The orders, what was left out (reason to lines), and which column was read as what."""

    orders: Orders
    dropped: Mapping[str, int]
    read_as: Mapping[str, str]
    sha256: str


def read_purchases_file(path: Path, *, columns: Mapping[str, str] | None = None) -> PurchasesFile:
    """The orders of a CSV or Parquet file; `columns` names the file's column for a part where guessing would be wrong."""
    frame = read_frame(Path(path))
    read_as = _columns(frame, columns or {})
    missing = [part for part in ("customer", "at") if part not in read_as]
    if missing:
        found = [str(name) for name in frame.columns][:40]
        raise PurchasesFileError(
            f"no column looks like {' or '.join(missing)}; there are {', '.join(found)}", found=found
        )
    part = {name: frame[column] for name, column in read_as.items()}
    at = _instants(part["at"])
    amount_minor = _amounts(part)
    customer = _ids(part["customer"])
    cancelled = (
        _ids(part["order"]).str.match(r"[cC]\d").fillna(False) if "order" in part else pd.Series(False, frame.index)
    )
    refused = {
        "without a customer": customer.isna(),
        "without a readable moment": at.isna(),
        "cancelled": cancelled.astype(bool),
        "of no amount or quantity": ~(amount_minor > 0),
    }
    usable, dropped = pd.Series(True, frame.index), {}
    for reason, rows in refused.items():
        dropped[reason] = int((usable & rows).sum())
        usable &= ~rows
    if not usable.any():
        raise PurchasesFileError("no line of the file can be used", dropped=dropped)
    lines = pd.DataFrame(
        {
            "customer": customer[usable].astype(str),
            "order": (_ids(part["order"])[usable].astype(str) if "order" in part else at[usable].astype(str)),
            "at_us": at[usable].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64),
            "amount_minor": amount_minor[usable].astype(np.int64),
            "item": _ids(part["item"])[usable].astype(str) if "item" in part else "",
        }
    )
    return PurchasesFile(
        orders=_orders(lines),
        dropped={reason: count for reason, count in dropped.items() if count},
        read_as=read_as,
        sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    )


def _columns(frame: pd.DataFrame, told: Mapping[str, str]) -> dict[str, str]:
    plain = {re.sub(r"[^a-z]", "", str(name).lower()): name for name in frame.columns}
    found: dict[str, str] = {}
    for part, names in NAMES.items():
        if part in told:
            if told[part] not in frame.columns:
                raise PurchasesFileError(f"the file has no column {told[part]}", missing=told[part])
            found[part] = told[part]
            continue
        named = next((plain[name] for name in names if name in plain), None)
        if named is not None:
            found[part] = named
    return found


def _orders(lines: pd.DataFrame) -> Orders:
    """Lines summed to orders, in the order of customer, moment and order."""
    grouped = lines.groupby(["customer", "order"], sort=False)
    orders = grouped.agg(at_us=("at_us", "min"), amount_minor=("amount_minor", "sum"), lines=("item", "size"))
    orders = orders.reset_index().sort_values(["customer", "at_us", "order"], kind="stable")
    names, code = np.unique(orders["customer"].to_numpy(dtype=object).astype(np.str_), return_inverse=True)
    place = pd.Series(np.arange(len(orders)), index=pd.MultiIndex.from_frame(orders[["customer", "order"]]))
    of_line = place.loc[pd.MultiIndex.from_frame(lines[["customer", "order"]])].to_numpy()
    items = np.unique(np.column_stack([of_line, pd.factorize(lines["item"])[0]]), axis=0)
    return Orders(
        names=names,
        customer=code.astype(np.int64),
        at_us=orders["at_us"].to_numpy(dtype=np.int64),
        amount_minor=orders["amount_minor"].to_numpy(dtype=np.int64),
        lines=orders["lines"].to_numpy(dtype=np.int64),
        item_order=items[:, 0].astype(np.int64),
        item=items[:, 1].astype(np.int64),
    )


def _amounts(part: Mapping[str, pd.Series]) -> pd.Series:
    """The amount of each line in hundredths; one a line where nothing says how much, and 0 for what was returned."""

    def number(name: str) -> pd.Series:
        return pd.to_numeric(part[name], errors="coerce").astype(np.float64).fillna(0.0)

    index = part["customer"].index
    quantity = number("quantity") if "quantity" in part else pd.Series(1.0, index)
    if "amount" in part:
        found = number("amount").where(quantity > 0, 0.0)
    elif "price" in part:
        found = (number("price") * quantity).where((number("price") > 0) & (quantity > 0), 0.0)
    else:
        found = (quantity > 0).astype(np.float64)
    kept = np.where(np.isfinite(found.to_numpy()), found.to_numpy(), 0.0).clip(0, 1e12)
    smallest = np.where(kept > 0, np.maximum(np.rint(kept * 100), 1), 0)
    return pd.Series(smallest, index)


def _ids(column: pd.Series) -> pd.Series:
    """Ids as texts, whole numbers without decimals, blanks missing."""
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.dropna()
        if (whole == np.floor(whole)).all():
            return column.astype("Int64").astype("string")
    text = column.astype("string").str.strip()
    return text.where(text != "")


def _instants(column: pd.Series) -> pd.Series:
    """Moments in UTC; one without a zone is taken as UTC; numbers are dates written together or epochs by their size."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.to_datetime(column, utc=True)
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() >= column.notna().sum() and numbers.notna().any():
        if numbers.dropna().between(19_000_101, 21_001_231).all():
            return pd.to_datetime(numbers.astype("Int64").astype("string"), format="%Y%m%d", utc=True, errors="coerce")
        size = float(numbers.abs().max())
        unit = next((unit for bound, unit in _EPOCH if size < bound), "ns")
        return pd.to_datetime(numbers, unit=unit, utc=True, errors="coerce")
    return pd.to_datetime(column.astype(str), utc=True, errors="coerce", format="mixed")
