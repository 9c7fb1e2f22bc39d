"""Tasks, hits and comparisons, with numbers one can check by hand."""

from __future__ import annotations

import numpy as np

from models.recommender.baselines import Entry
from models.recommender.compare import compare
from models.recommender.evaluate import build_tasks, per_customer
from models.recommender.interactions import Interactions
from models.recommender.own_frequency import fit_own_frequency
from models.recommender.popular import fit_popular

TRAIN = Interactions.from_columns(["a", "a", "b", "b", "c"], ["x", "y", "x", "z", "z"], [1, 2, 3, 4, 5])
TEST = Interactions.from_columns(["a", "a", "b", "stranger", "c"], ["x", "z", "unseen", "x", "z"], [11, 12, 13, 14, 15])


def test_truth_is_what_training_could_have_known() -> None:
    """Strangers and unseen items are left out; owned items belong to the any task alone."""
    new, either = build_tasks(TRAIN, TEST)

    assert [TRAIN.customers[code] for code in new.customers] == ["a"]
    assert new.truth.toarray().tolist() == [[0, 0, 1]]
    assert [TRAIN.customers[code] for code in either.customers] == ["a", "c"]
    assert either.truth.toarray().tolist() == [[1, 0, 1], [0, 0, 1]]


def test_owned_items_are_masked_in_the_new_task_only() -> None:
    """Customer a lacks only z: found at once where owned items are masked, second to x where not."""
    new, either = build_tasks(TRAIN, TEST)
    fitted = fit_popular(TRAIN, 10)

    assert per_customer(fitted, TRAIN, new, as_of_us=10, k=1).recall.tolist() == [1.0]
    assert per_customer(fitted, TRAIN, either, as_of_us=10, k=1).recall.tolist() == [0.5, 0.0]


def test_a_lead_is_told_over_the_best_baseline() -> None:
    """The best baseline has no lead, the champion has one with its interval."""
    entries = (Entry(fit_popular), Entry(fit_own_frequency, is_baseline=False))
    new, either = compare(entries, TRAIN, TEST, as_of_us=10, k=1, rng=np.random.default_rng(0))

    assert either.best_baseline == "popular, all time"
    assert either.rows[0].lead is None
    assert either.champion is not None
    assert either.champion.lead is not None
    assert either.champion.lead.mean == either.champion.recall.mean - either.rows[0].recall.mean
    assert new.customers == 1


def test_no_customers_make_an_empty_table() -> None:
    """Nothing to rank for is told, not raised."""
    nobody = Interactions.from_columns(["stranger"], ["x"], [11])
    new, either = compare((Entry(fit_popular),), TRAIN, nobody, as_of_us=10, k=1, rng=np.random.default_rng(0))

    assert (new.customers, new.rows, either.customers) == (0, (), 0)
