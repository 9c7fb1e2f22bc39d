"""A history that is too large is learned from by whole customers, drawn at random, and the card says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from features.view import Source
from training.sample import sampled

if TYPE_CHECKING:
    from training.history import History


def test_whole_customers_are_drawn_until_few_enough_lines_are_left(history: History) -> None:
    """About as many lines as asked for; whoever is in has every row, in every source; the same seed draws the same customers."""
    lines = history.rows(Source.PURCHASES)

    found, said = sampled(history, np.random.default_rng(1), most=lines // 4)
    again, _ = sampled(history, np.random.default_rng(1), most=lines // 4)

    assert 0.15 * lines < found.rows(Source.PURCHASES) < 0.35 * lines
    assert found.tables[Source.PURCHASES].equals(again.tables[Source.PURCHASES])
    drawn = pc.unique(found.tables[Source.PURCHASES].column("customer"))
    for source, table in history.tables.items():
        whole = table.filter(pc.is_in(table.column("customer"), value_set=drawn))
        assert found.tables[source].equals(whole)
    assert said is not None
    assert f"{len(drawn):,} of " in said


def test_what_is_small_enough_stays_as_it_is(history: History) -> None:
    """And nothing is said of it."""
    assert sampled(history, np.random.default_rng(1)) == (history, None)
