"""A line of an order: who bought what, when, how many, at which price. Amounts are whole minor units of the line's currency.

One line is a `PurchaseLine`; many lines stay columns (`PurchaseColumns` over an Arrow table), so that half a million cost no objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from decimal import Decimal

    import pyarrow as pa

BATCH_LINES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLine:
    """`line_key` is unique and the same at every import of the same file; `quantity` is what was kept after returns.

    `amount_minor` is `quantity` x `unit_price` (major units), rounded once, half away from zero; empty texts stand for what the file lacks.
    """

    line_key: str
    customer: str
    item: str
    description: str
    basket: str
    at: datetime
    quantity: int
    unit_price: Decimal
    amount_minor: int
    currency: str
    country: str


@dataclass(frozen=True, slots=True)
class PurchaseColumns:
    """Lines as the columns of an Arrow table, named as the fields of `PurchaseLine`; `at` is a timestamp in microseconds, UTC."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def batches(self, size: int = BATCH_LINES) -> Iterator[dict[str, list[Any]]]:
        """The columns as plain lists, `size` lines at a time: for bulk inserts. Instants are zone-aware."""
        for start in range(0, len(self), size):
            part = self.table.slice(start, size)
            columns = {name: part.column(name).to_pylist() for name in part.column_names if name != "at"}
            naive = part.column("at").to_numpy().astype("datetime64[us]").tolist()
            columns["at"] = [moment.replace(tzinfo=UTC) for moment in naive]
            yield columns

    def lines(self) -> Iterator[PurchaseLine]:
        """One object a line: for few lines, or for reading one by one."""
        for batch in self.batches():
            names = list(batch)
            for values in zip(*batch.values(), strict=True):
                yield PurchaseLine(**dict(zip(names, values, strict=True)))
