"""What a fitted model says once it is loaded as a server loads it and asked with the features that a server computes.

The rows were judged with features of the bulk engine; here the fold that answers online computes them again from the same history, and a
copy of the model that was written and read scores them. Both must agree to the ninth decimal, or what was judged is not what will serve.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import views_named
from features.fold_engine import Fold
from models.tabular.table import FeatureTable
from training.gate import Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from features.view import Source
    from models.tabular.explained import ExplainedModel
    from models.tabular.table import Examples
    from training.history import History

PROBED = 100
_TIMED = 25


def ask_as_served(
    model: ExplainedModel,
    load: Callable[[Any], ExplainedModel],
    history: History,
    judged: Examples,
    moment_us: int,
) -> Served:
    """Score up to `PROBED` judged customers as a server would at their moment, beside what was judged."""
    rows = np.arange(min(PROBED, len(judged)))
    if not rows.size:
        return Served(rows=0, largest_difference=0.0, row_ms=0.0, size_bytes=0)
    sample = judged.take(rows)
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "model"
        model.save(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        loaded = load(folder)
    online = online_features(history, loaded.columns, sample.customers, moment_us)
    apart = np.abs(loaded.probability(online) - model.probability(sample.table))
    return Served(
        rows=int(rows.size), largest_difference=float(apart.max()), row_ms=_row_ms(loaded, online), size_bytes=size
    )


def online_features(history: History, names: tuple[str, ...], customers: NDArray[Any], moment_us: int) -> FeatureTable:
    """The features of a few customers by the fold that answers online, a row each in their order."""
    fold = Fold(views_named(names))
    wanted = pa.array(sorted(set(customers.tolist())), pa.string())
    by_customer: dict[str, dict[Source, list[dict[str, Any]]]] = {
        customer: {source: [] for source in history.tables} for customer in wanted.to_pylist()
    }
    for source, table in history.tables.items():
        for row in table.filter(pc.is_in(table.column("customer"), value_set=wanted)).to_pylist():
            by_customer[row["customer"]][source].append(row)
    found = [fold.compute_one(by_customer[one], one, moment_us) for one in customers.tolist()]
    return FeatureTable.from_columns({name: [values[name] for values in found] for name in names})


def _row_ms(model: ExplainedModel, table: FeatureTable) -> float:
    """The median time of one row, in milliseconds, after a first one that warms up."""
    model.probability(table.take(np.arange(1)))
    taken = []
    for place in range(min(_TIMED, len(table))):
        row = table.take(np.arange(place, place + 1))
        started = time.perf_counter()
        model.probability(row)
        taken.append((time.perf_counter() - started) * 1000)
    return float(statistics.median(taken))
