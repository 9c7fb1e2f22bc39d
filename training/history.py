"""What a training run reads, once: a tenant's sources as Arrow tables, and the features of customers at any moment in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.bulk import tables_before
from features.catalog import views_named
from features.duckdb_engine import DuckDBEngine
from features.sources import instant_of, microseconds
from models.tabular.table import FeatureTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from numpy.typing import NDArray

    from billing.db.session import Unit
    from features.view import Source


@dataclass(frozen=True, slots=True)
class History:
    """Every source up to `until_us` (excluded): the moment of the run, beyond which nothing is known."""

    tables: Mapping[Source, pa.Table]
    until_us: int

    def column(self, source: Source, name: str) -> NDArray[Any]:
        """One column as an array; texts become numpy texts."""
        values = self.tables[source].column(name)
        if pa.types.is_string(values.type):
            return np.asarray(values.to_pylist(), dtype=np.str_)
        return np.asarray(values.to_numpy())

    def rows(self, source: Source) -> int:
        """How many rows a source has."""
        return int(self.tables[source].num_rows)

    def first_us(self) -> int:
        """The earliest moment in any source; `until_us` when there is nothing."""
        moments = [pc.min(table.column("at_us")).as_py() for table in self.tables.values() if table.num_rows]
        return min(moments, default=self.until_us)

    def customers_before(self, moment_us: int) -> NDArray[Any]:
        """Everybody of whom anything is known before a moment, in order."""
        known: set[str] = set()
        for table in self.tables.values():
            past = table.filter(pc.less(table.column("at_us"), moment_us))
            known.update(pc.unique(past.column("customer")).to_pylist())
        return np.asarray(sorted(known), dtype=np.str_)

    def before(self, moment_us: int) -> History:
        """The same history as it was known at a moment, later and late rows deleted: what a leak check compares with."""
        cut = {
            source: table.filter(
                pc.and_(
                    pc.less(table.column("at_us"), moment_us), pc.less_equal(table.column("received_us"), moment_us)
                )
            )
            for source, table in self.tables.items()
        }
        return History(cut, min(self.until_us, moment_us))

    def window(self) -> tuple[datetime, datetime]:
        """From the first row to the moment of the run."""
        first = self.first_us()
        return instant_of(min(first, self.until_us - 1)), instant_of(self.until_us)

    def content_hash(self) -> str:
        """A SHA-256 of the rows, value for value: two runs over the same data have the same one, a corrected amount makes another."""
        digest = hashlib.sha256()
        for source, table in sorted(self.tables.items(), key=lambda pair: pair[0].value):
            digest.update(f"{source.value}:{table.num_rows}:{','.join(table.column_names)}".encode())
            for name in table.column_names:
                for chunk in table.column(name).chunks:
                    for buffer in chunk.buffers():
                        digest.update(memoryview(buffer) if buffer is not None else b"")
        return digest.hexdigest()


def load_history(unit: Unit, now: datetime, progress: Callable[[str], None] | None = None) -> History:
    """Everything of the unit's tenant before `now`."""
    return History(tables_before(unit, now, progress), microseconds(now))


def features_at(history: History, names: Sequence[str], customers: NDArray[Any], as_of_us: int) -> FeatureTable:
    """The named features of customers at one moment, a row each in their order."""
    asof = pa.table(
        {
            "customer": pa.array(customers.tolist(), pa.string()),
            "as_of_us": pa.array([as_of_us] * customers.size, pa.int64()),
        }
    )
    found = DuckDBEngine().compute(views_named(names), history.tables, asof)
    return FeatureTable.from_columns({name: found.column(name).to_numpy() for name in names})
