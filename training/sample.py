"""A history small enough to learn preferences from: whole customers drawn at random where there are more purchase lines than help.

What a recommender knows of items comes from who bought what together; beyond a million lines another million changes it little and costs
its share of memory and time. Everybody is still recommended to: the model takes a customer's own history when it is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.view import Source

if TYPE_CHECKING:
    from training.history import History

MOST_LINES = 1_000_000


def sampled(history: History, rng: np.random.Generator, most: int = MOST_LINES) -> tuple[History, str | None]:
    """The history of customers with about `most` purchase lines, and what the card says of it; as it is, and None, if it has fewer."""
    lines = history.rows(Source.PURCHASES)
    if lines <= most:
        return history, None
    customers = pc.unique(history.tables[Source.PURCHASES].column("customer"))
    order = np.sort(rng.permutation(len(customers))[: round(len(customers) * most / lines)])
    drawn = customers.take(pa.array(order))
    tables = {
        source: table.filter(pc.is_in(table.column("customer"), value_set=drawn))
        for source, table in history.tables.items()
    }
    kept = tables[Source.PURCHASES].num_rows
    said = f"Learned from a random sample: {order.size:,} of {len(customers):,} customers, {kept:,} of {lines:,} lines."
    return replace(history, tables=tables), said
