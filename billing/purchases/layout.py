"""Which column of a purchase file means what: the caller's own map first, then names that everybody uses, compared without case or signs.

Nothing is read here: names in, names out. A file whose columns cannot be told answers with what is missing, what it has, and a way out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_UCI = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
_UCI_II = ("Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID")
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer": tuple(
        "customer customerid customerkey customerno clientid client userid user buyerid memberid".split()
    ),
    "item": tuple("item itemid itemcode sku stockcode productid productcode product articleid article".split()),
    "basket": tuple(
        """basket basketid orderid order orderno ordernumber invoiceno invoice invoiceid invoicenumber transactionid
        transaction receiptid receipt""".split()
    ),
    "at": tuple(
        """at orderedat purchasedat boughtat invoicedate orderdate purchasedate transactiondate createdat timestamp
        datetime date time""".split()
    ),
    "quantity": tuple("quantity qty units".split()),
    "unit_price": tuple("unitprice price itemprice priceperunit".split()),
    "description": tuple("description itemname productname name title".split()),
    "currency": tuple("currency currencycode".split()),
    "country": tuple("country countrycode shippingcountry".split()),
}
_OPTIONAL = ("description", "currency", "country")
_SHOWN_COLUMNS = 30


class PurchaseColumnsError(InvalidError):
    """The columns of the file do not say who bought what, when, how many and at which price."""

    code = "purchase_columns"


class Layout(Enum):
    """Whose habits the file follows: UCI Online Retail marks cancellations and other things by its codes; a plain file does not."""

    UCI = "UCI Online Retail"
    UCI_II = "UCI Online Retail II"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """The file's column for each of our names; None where an optional one is absent."""

    customer: str
    item: str
    basket: str
    at: str
    quantity: str
    unit_price: str
    description: str | None = None
    currency: str | None = None
    country: str | None = None

    def by_name(self) -> dict[str, str]:
        """Our name to the file's column, without the absent ones."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in named.items() if column is not None}


def recognise(found: Sequence[str], given: Mapping[str, str] | None = None) -> tuple[Layout, ColumnMap]:
    """The layout and column map of a file with the columns `found`; `given` names columns that the caller knows better.

    >>> recognise(["order_id", "sku", "qty", "price", "ordered_at", "customer_id"])[1].item
    'sku'
    """
    chosen = dict(given or {})
    _refuse_unknown(chosen, found)
    layout = _layout(found) if not chosen.keys() & {"item", "basket"} else Layout.PLAIN
    by_plain: dict[str, str] = {}
    for column in found:
        by_plain.setdefault(_plain(column), column)
    taken = set(chosen.values())
    for name, synonyms in _SYNONYMS.items():
        match = next((by_plain[word] for word in synonyms if by_plain.get(word, "") not in {"", *taken}), None)
        if name not in chosen and match is not None:
            chosen[name] = match
            taken.add(match)
    missing = [name for name in _SYNONYMS if name not in chosen and name not in _OPTIONAL]
    if missing:
        raise _missing(missing, found)
    twice = sorted(column for column in set(chosen.values()) if list(found).count(column) > 1)
    if twice:
        raise PurchaseColumnsError(f"the file has more than one column named {twice[0]!r}; rename one", columns=twice)
    return layout, ColumnMap(**chosen)


def parse_map(pairs: Iterable[str]) -> dict[str, str]:
    """A column map from `name=column` texts, as a command line gives them.

    >>> parse_map(["customer=Client No", "item=SKU"])
    {'customer': 'Client No', 'item': 'SKU'}
    """
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not name.strip() or not column.strip():
            raise PurchaseColumnsError(
                f"{pair!r} does not map a column; write for example --map customer=CustomerID", given=pair
            )
        chosen[name.strip()] = column.strip()
    return chosen


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.lower())


def _layout(found: Sequence[str]) -> Layout:
    names = {_plain(column) for column in found}
    if names >= {_plain(column) for column in _UCI}:
        return Layout.UCI
    if names >= {_plain(column) for column in _UCI_II}:
        return Layout.UCI_II
    return Layout.PLAIN


def _refuse_unknown(given: Mapping[str, str], found: Sequence[str]) -> None:
    strange = [name for name in given if name not in _SYNONYMS]
    if strange:
        raise PurchaseColumnsError(
            f"there is no {strange[0]!r} to map; the names are {', '.join(_SYNONYMS)}", names=list(_SYNONYMS)
        )
    absent = [column for column in given.values() if column not in found]
    if absent:
        raise PurchaseColumnsError(
            f"the file has no column {', '.join(map(repr, absent))}; it has {_listed(found)}",
            missing=absent,
            found=list(found)[:_SHOWN_COLUMNS],
        )


def _missing(missing: list[str], found: Sequence[str]) -> PurchaseColumnsError:
    hints = [f"--map {name}={_EXAMPLES[name]}" for name in missing]
    return PurchaseColumnsError(
        f"the file has no column for {', '.join(missing)}; it has {_listed(found)}. Say which they are, for example: {' '.join(hints)}",
        missing=missing,
        found=list(found)[:_SHOWN_COLUMNS],
        example=" ".join(hints),
    )


_EXAMPLES = dict(zip(("basket", "item", "quantity", "at", "unit_price", "customer"), _UCI, strict=True))


def _listed(found: Sequence[str]) -> str:
    shown = ", ".join(column or "(no name)" for column in found[:_SHOWN_COLUMNS])
    return (shown or "no columns") + (" and more" if len(found) > _SHOWN_COLUMNS else "")
