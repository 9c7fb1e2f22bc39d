"""Makes the views' values of the integers that an engine found: defaults, fractions, derived views, types and the refusal of overflow.

Every SQL engine ends here, so that no engine divides or rounds. The fold says the same apart, in plain Python, and is the oracle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from features.engine import FeatureOverflowError
from features.source_tables import ARROW
from features.view import COUNTS, DAY_US, Aggregate, DerivedView, Formula

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from features.plan import Plan
    from features.view import FeatureView, View

Array = "NDArray[Any]"


class Found(NamedTuple):
    """Values, and which of them there are; what there is not holds anything."""

    values: NDArray[Any]
    there: NDArray[np.bool_]


def finish(plan: Plan, as_of_us: NDArray[np.int64], parts: Mapping[str, pa.ChunkedArray | pa.Array]) -> list[pa.Array]:
    """The columns of the views asked for, never null; raises FeatureOverflowError."""
    known: dict[str, Found] = {}
    base = {view.name: _value(view, plan, as_of_us, parts, known) for view in plan.base}
    asked = (_derived(view, base) if isinstance(view, DerivedView) else base[view.name] for view in plan.views)
    return [pa.array(values, ARROW[view.dtype]) for view, values in zip(plan.views, asked, strict=True)]


def _value(
    view: FeatureView,
    plan: Plan,
    as_of_us: NDArray[np.int64],
    parts: Mapping[str, pa.ChunkedArray | pa.Array],
    known: dict[str, Found],
) -> NDArray[Any]:
    found = []
    for part in plan.of_view[view.name]:
        name = plan.place[part]
        if name not in known:
            known[name] = _read(view.name, parts[name])
        found.append(known[name])
    value = _made(view, found, as_of_us)
    kind = np.int64 if view.dtype == "int64" else np.float64
    return np.where(value.there, value.values.astype(kind, copy=False), kind(view.default))


def _read(name: str, column: pa.ChunkedArray | pa.Array) -> Found:
    """A part as int64; wider sums that don't fit are refused."""
    there = ~np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
    try:
        whole = column.cast(pa.int64()).fill_null(0)
    except pa.ArrowInvalid as error:
        raise FeatureOverflowError(f"{name} does not fit 64 bits", view=name) from error
    return Found(np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.int64), there)


def _made(view: FeatureView, found: Sequence[Found], as_of_us: NDArray[np.int64]) -> Found:
    first = found[0]
    match view.aggregate:
        case Aggregate.MEAN:
            total, count = first.values.astype(np.float64), np.maximum(found[1].values, 1).astype(np.float64)
            return Found(total / count, first.there)
        case Aggregate.DAYS_SINCE_LAST | Aggregate.DAYS_SINCE_FIRST:
            return Found((as_of_us - first.values) // DAY_US, first.there)
        case Aggregate.MEAN_GAP_DAYS:
            span = (found[1].values - first.values).astype(np.float64)
            gaps = found[2].values - 1
            return Found(span / (np.maximum(gaps, 1) * DAY_US).astype(np.float64), gaps > 0)
        case _ if view.aggregate in COUNTS:
            return Found(first.values, np.ones_like(first.there))
        case _:
            return first


def _derived(view: DerivedView, base: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    a, b = (base[part.name] for part in view.inputs)
    if view.dtype == "int64":
        return _difference(view, a, b)
    left, right = a.astype(np.float64) * float(view.scale), b.astype(np.float64)
    if view.formula is Formula.DIFFERENCE:
        return np.asarray(left - right)
    nothing = right == 0
    return np.where(nothing, float(view.default), left / np.where(nothing, 1.0, right))


def _difference(view: View, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """`scale * a - b` in integers of any size where 64 bits might not do, so that nothing wraps."""
    scale = view.scale if isinstance(view, DerivedView) else 1
    if not len(a) or scale * _largest(a) + _largest(b) < 2**63:
        return np.asarray(a * scale - b)
    exact = [int(left) * scale - int(right) for left, right in zip(a.tolist(), b.tolist(), strict=True)]
    if any(not -(2**63) <= value < 2**63 for value in exact):
        raise FeatureOverflowError(f"{view.name} does not fit 64 bits", view=view.name)
    return np.asarray(exact, dtype=np.int64)


def _largest(values: NDArray[Any]) -> int:
    return max(abs(int(values.max())), abs(int(values.min())))
