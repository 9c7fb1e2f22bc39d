"""Decides which rows of a purchase file are purchases, and counts by reason those that are not. Amounts are whole minor units, exact.

total == kept + the sum of `skipped`, always. Nothing is dropped for being a repetition: the same item twice in a basket is two lines, and
the key of a line is its basket, its item and which occurrence it is, so that importing a file again finds the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.purchases.amounts import amounts_minor, valid_currencies
from billing.purchases.layout import Layout
from billing.purchases.line import PurchaseColumns
from billing.purchases.line_keys import codes, line_keys
from billing.purchases.netting import Netted, net_returns
from billing.purchases.text_values import NO_TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.purchases.reading import PurchaseFile

    Flags = NDArray[np.bool_]

EXAMPLES = 3


class Reason(Enum):
    """Why a row is no purchase. A row counts under the first that applies, in this order."""

    BAD_ROW = "bad_row"
    NO_CUSTOMER = "no_customer"
    CANCELLATION = "cancellation"
    NON_PRODUCT_CODE = "non_product_code"
    QUANTITY = "zero_or_negative_quantity"
    PRICE = "zero_or_negative_price"
    RETURNED = "returned"  # bought, and wholly brought back later


_ORDER = tuple(Reason)
_KEEP = len(_ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanRules:
    """How a shop writes things: `cancel_prefix` begins the baskets that cancel, `item_pattern` (RE2) is what a product's code looks like.

    With `net_returns` a cancellation takes its quantity off the purchase it undoes; without, cancellations are only left out.
    """

    cancel_prefix: str | None = None
    item_pattern: str | None = None
    upper_case_items: bool = False
    net_returns: bool = True


UCI_RULES = CleanRules(cancel_prefix="C", item_pattern=r"^\d{5}[A-Z]{0,2}$", upper_case_items=True)
PLAIN_RULES = CleanRules()


@dataclass(frozen=True, slots=True)
class RowExample:
    """A row that was skipped: its line in the file and what it says, for a person to look at."""

    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanReport:
    """What became of a file's rows. `netted` counts kept lines that a return made smaller; those wholly undone are skipped as `returned`.

    `unmatched_returns` are cancellations whose purchase, or part of it, is not in the file (bought before it began).
    """

    total: int
    kept: int
    netted: int
    unmatched_returns: int
    skipped: dict[str, int]
    examples: dict[str, tuple[RowExample, ...]]

    def to_document(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "total": self.total,
            "kept": self.kept,
            "netted": self.netted,
            "unmatched_returns": self.unmatched_returns,
            "skipped": dict(self.skipped),
            "examples": {
                reason: [{"line": row.line, "text": row.text} for row in rows] for reason, rows in self.examples.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The purchases of a file, in its order, and the account of its other rows."""

    lines: PurchaseColumns
    report: CleanReport


def rules_of(layout: Layout) -> CleanRules:
    """The rules that go with a layout."""
    return PLAIN_RULES if layout is Layout.PLAIN else UCI_RULES


def clean(file: PurchaseFile, *, currency: str, rules: CleanRules | None = None) -> Cleaned:
    """The purchases of a file; `currency` (ISO 4217) is that of rows which name none. Rules default to those of the file's layout."""
    chosen = rules or rules_of(file.layout)
    table = _normalised(file.table, chosen, currency)
    quantity = pc.fill_null(table.column("quantity"), 0).to_numpy()
    amount, fits = amounts_minor(quantity, table.column("unit_price"), table.column("currency"))
    table = _with_problem(table, pa.array(~fits), "the amount is more than an account can hold")
    reasons = _reasons(table, chosen)
    remaining, unmatched = quantity, 0
    if chosen.net_returns and chosen.cancel_prefix is not None:
        netted = _net(table, reasons, quantity, chosen)
        remaining, unmatched = netted.remaining, netted.unmatched_returns
        amount, _ = amounts_minor(remaining, table.column("unit_price"), table.column("currency"))
    smaller = remaining != quantity
    reasons[smaller & (remaining == 0)] = _code(Reason.RETURNED)
    table = table.append_column("line_key", line_keys(table.column("basket"), table.column("item")))
    report = _report(table, reasons, netted=int((smaller & (remaining > 0)).sum()), unmatched_returns=unmatched)
    return Cleaned(_kept(table, reasons, remaining, amount), report)


def _code(reason: Reason) -> int:
    return _ORDER.index(reason)


def _normalised(table: pa.Table, rules: CleanRules, currency: str) -> pa.Table:
    """Items as the rules write them, and a currency on every row; a currency that does not exist is the row's problem."""
    if rules.upper_case_items:
        upper = pc.utf8_upper(table.column("item"))
        table = table.set_column(table.column_names.index("item"), "item", upper)
    named = pc.utf8_upper(table.column("currency"))
    filled = pc.fill_null(pc.if_else(pc.equal(named, ""), NO_TEXT, named), currency)
    strange = pc.invert(valid_currencies(filled))
    told = pc.binary_join_element_wise("currency is not a code of ISO 4217: ", filled, "")
    table = table.set_column(table.column_names.index("currency"), "currency", filled)
    return _with_problem(table, strange, told)


def _with_problem(table: pa.Table, wrong: pa.Array, sentence: Any) -> pa.Table:
    """The table where each `wrong` row has a problem: the one it had, else `sentence`."""
    had = table.column("problem")
    problem = pc.if_else(pc.and_(pc.is_null(had), wrong), sentence, had)
    return table.set_column(table.column_names.index("problem"), "problem", problem)


def _reasons(table: pa.Table, rules: CleanRules) -> NDArray[np.int8]:
    """The place in `Reason` of the first that applies to each row, or `_KEEP`."""
    applies: dict[Reason, Flags] = {
        Reason.BAD_ROW: _flags(pc.is_valid(table.column("problem"))),
        Reason.NO_CUSTOMER: _flags(pc.is_null(table.column("customer"))),
        Reason.CANCELLATION: _are_cancellations(table, rules),
        Reason.NON_PRODUCT_CODE: ~_are_products(table, rules),
        Reason.QUANTITY: _flags(pc.less_equal(table.column("quantity"), 0)),
        Reason.PRICE: _flags(pc.less_equal(table.column("unit_price"), Decimal(0))),
    }
    reasons = np.full(table.num_rows, _KEEP, dtype=np.int8)
    for reason in reversed(applies):
        reasons[applies[reason]] = _code(reason)
    return reasons


def _are_cancellations(table: pa.Table, rules: CleanRules) -> Flags:
    if rules.cancel_prefix is None:
        return np.zeros(table.num_rows, dtype=np.bool_)
    return _flags(pc.starts_with(table.column("basket"), rules.cancel_prefix, ignore_case=True))


def _are_products(table: pa.Table, rules: CleanRules) -> Flags:
    if rules.item_pattern is None:
        return np.ones(table.num_rows, dtype=np.bool_)
    return _flags(pc.match_substring_regex(table.column("item"), rules.item_pattern))


def _flags(mask: pa.ChunkedArray) -> Flags:
    flags: Flags = pc.fill_null(mask, fill_value=False).to_numpy()
    return flags


def _net(table: pa.Table, reasons: NDArray[np.int8], quantity: NDArray[np.int64], rules: CleanRules) -> Netted:
    """Returns of products only: postage and discounts that were taken back undo no purchase."""
    customer, item = codes(table.column("customer")), codes(table.column("item"))
    pair = customer * (int(item.max(initial=0)) + 1) + item
    at_us = pc.fill_null(table.column("at").cast(pa.int64()), 0).to_numpy()
    returned = (reasons == _code(Reason.CANCELLATION)) & (quantity < 0) & _are_products(table, rules)
    return net_returns(pair, at_us, quantity, bought=reasons == _KEEP, returned=returned)


def _kept(
    table: pa.Table, reasons: NDArray[np.int8], quantity: NDArray[np.int64], amount: NDArray[np.int64]
) -> PurchaseColumns:
    keep = pa.array(reasons == _KEEP)
    columns: dict[str, Any] = {name: table.column(name) for name in ("line_key", "customer", "item")}
    columns["description"] = pc.fill_null(table.column("description"), "")
    columns |= {"basket": table.column("basket"), "at": table.column("at"), "quantity": pa.array(quantity)}
    columns |= {"unit_price": table.column("unit_price"), "amount_minor": pa.array(amount)}
    columns |= {"currency": table.column("currency"), "country": pc.fill_null(table.column("country"), "")}
    return PurchaseColumns(pa.table(columns).filter(keep).combine_chunks())


def _report(table: pa.Table, reasons: NDArray[np.int8], *, netted: int, unmatched_returns: int) -> CleanReport:
    counts = np.bincount(reasons, minlength=_KEEP + 1).tolist()
    skipped = {reason.value: counts[_code(reason)] for reason in Reason if counts[_code(reason)]}
    examples = {
        reason.value: tuple(
            _example(table, row) for row in np.flatnonzero(reasons == _code(reason))[:EXAMPLES].tolist()
        )
        for reason in Reason
        if counts[_code(reason)]
    }
    return CleanReport(
        total=table.num_rows,
        kept=counts[_KEEP],
        netted=netted,
        unmatched_returns=unmatched_returns,
        skipped=skipped,
        examples=examples,
    )


def _example(table: pa.Table, row: int) -> RowExample:
    """What a row says, in one line of text; what is wrong with it where it could not be read."""
    (values,) = table.slice(row, 1).to_pylist()
    if values["problem"] is not None:
        return RowExample(values["line"], values["problem"])
    shown = {name: values[name] for name in ("basket", "item", "customer", "quantity")}
    shown["unit_price"] = f"{values['unit_price'].normalize():f}"
    return RowExample(values["line"], ", ".join(f"{name} {value or 'none'}" for name, value in shown.items()))
