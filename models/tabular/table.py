"""Rows of named float columns, and rows with a label: what every tabular model is fitted on and asked about.

Missing values are NaN; infinities are refused. Columns are found by name, never by position, so a caller may hold more than a model needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


class TableError(InvalidError):
    """The columns or rows are not what the model was made for."""

    code = "invalid_table"


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """`values` has shape (rows, columns)."""

    columns: tuple[str, ...]
    values: Floats

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise TableError("a table needs one value a column", columns=len(self.columns), shape=self.values.shape)
        if len(set(self.columns)) != len(self.columns):
            raise TableError("column names must differ", columns=self.columns)
        if np.isinf(self.values).any():
            bad = [name for name, column in zip(self.columns, self.values.T, strict=True) if np.isinf(column).any()]
            raise TableError("infinite values cannot be learned from", columns=bad)

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> FeatureTable:
        """A table of equally long columns; integers and booleans become floats.

        >>> FeatureTable.from_columns({"orders": [1, 2], "spend": [9.5, None]}).values.tolist()
        [[1.0, 9.5], [2.0, nan]]
        """
        arrays = [np.asarray(column, dtype=np.float64) for column in columns.values()]
        if len({array.size for array in arrays}) > 1:
            raise TableError("columns must be equally long", lengths={k: len(v) for k, v in columns.items()})
        return cls(tuple(columns), np.column_stack(arrays) if arrays else np.zeros((0, 0)))

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def column(self, name: str) -> Floats:
        """One column, shape (rows,)."""
        return self.select((name,)).values[:, 0]

    def select(self, columns: tuple[str, ...]) -> FeatureTable:
        """These columns in this order; a missing one is named."""
        if columns == self.columns:
            return self
        place = {name: number for number, name in enumerate(self.columns)}
        missing = [name for name in columns if name not in place]
        if missing:
            raise TableError("the table lacks columns that the model needs: " + ", ".join(missing), missing=missing)
        return FeatureTable(columns, self.values[:, [place[name] for name in columns]])

    def first_varying(self, names: Sequence[str]) -> str | None:
        """The first of these columns that is there and holds more than one value, or None."""
        there = (name for name in names if name in self.columns)
        return next((name for name in there if np.unique(self.column(name)).size > 1), None)

    def take(self, rows: NDArray[Any]) -> FeatureTable:
        """The rows of a mask or an index."""
        return FeatureTable(self.columns, self.values[rows])


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows whose outcome is known; `customers` names whose row it is, so that intervals can draw whole customers."""

    table: FeatureTable
    label: Flags
    customers: NDArray[Any]

    def __post_init__(self) -> None:
        if self.label.dtype != np.bool_:
            raise TableError("labels are true or false", dtype=str(self.label.dtype))
        if not len(self.table) == self.label.size == self.customers.size:
            raise TableError(
                "rows, labels and customers must be equally many",
                rows=len(self.table),
                labels=self.label.size,
                customers=self.customers.size,
            )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def positives(self) -> int:
        """How many rows have the outcome."""
        return int(self.label.sum())

    @property
    def rarer(self) -> int:
        """How many rows the rarer of both outcomes has: what limits what can be learned."""
        return min(self.positives, len(self) - self.positives)

    def take(self, rows: NDArray[Any]) -> Examples:
        """The examples of a mask or an index."""
        return Examples(self.table.take(rows), self.label[rows], self.customers[rows])

    def take_columns(self, columns: tuple[str, ...]) -> Examples:
        """The same rows with these columns in this order."""
        return Examples(self.table.select(columns), self.label, self.customers)
