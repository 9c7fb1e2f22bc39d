"""The port that every feature engine answers to, and its errors: same views, same rows, same as-ofs, the same values bit for bit.

A source is an Arrow table with the columns of `features.view`; more columns are ignored, and so is their order and that of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from features.view import Source, View


class SourceError(InvalidError):
    """A source or as-of table that lacks a column, holds nothing where a value must be, or has another type."""

    code = "feature_source_invalid"


class FeatureOverflowError(InvalidError):
    """A sum or difference that no 64-bit integer holds; the amounts are wrong, or belong in a larger unit."""

    code = "feature_overflow"


class FeatureEngine(Protocol):
    """Computes declared views as of given moments."""

    def compute(self, views: Sequence[View], sources: Mapping[Source, pa.Table], asof: pa.Table) -> pa.Table:
        """The value of each view for each as-of row.

        `asof` has `customer` (text) and `as_of_us` (int64, UTC), repeats allowed. The answer has its rows in their order, and the
        columns customer, as_of_us, then one per view in the order asked, of exactly the view's dtype and never null.
        Raises SourceError, FeatureOverflowError, and FeatureSpecError for one name with two meanings.
        """
        ...
