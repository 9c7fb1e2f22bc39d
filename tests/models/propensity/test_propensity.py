"""Who moves up: labels and model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.metrics.classification import auc
from models.propensity.label import NO_PLAN, label_upgrade
from models.propensity.model import fit_propensity
from models.tabular.labels import DAY_US, LabelWindowError, Window
from tests.models.tabular.shops import logistic_shop, thirds

WINDOW = Window.after(100 * DAY_US, horizon_days=30)
SEEN = 200 * DAY_US


def label(*changes: tuple[str, int, int]) -> dict[str, bool]:
    """Labels by customer from (customer, day, rank) changes, with three plans."""
    found = label_upgrade(
        np.array([change[0] for change in changes]),
        np.array([change[1] for change in changes], dtype=np.int64) * DAY_US,
        np.array([change[2] for change in changes], dtype=np.int64),
        top_rank=2,
        window=WINDOW,
        observed_until_us=SEEN,
    )
    return dict(zip(found.customers.tolist(), found.label.tolist(), strict=True))


def test_only_a_higher_plan_within_the_window_counts() -> None:
    """Down, sideways, too late and at the window's end do not; at its start and up-then-down do."""
    found = label(
        ("up", 10, 0), ("up", 110, 1),
        ("down", 10, 1), ("down", 110, 0),
        ("same", 10, 1), ("same", 110, 1),
        ("late", 10, 0), ("late", 130, 1),
        ("at start", 10, 0), ("at start", 100, 2),
        ("up and down", 10, 0), ("up and down", 105, 1), ("up and down", 106, 0),
    )  # fmt: skip

    assert found == {
        "up": True,
        "down": False,
        "same": False,
        "late": False,
        "at start": True,
        "up and down": True,
    }


def test_who_has_no_plan_or_the_top_plan_cannot_move_up() -> None:
    """Nor can a customer who comes after the moment."""
    assert label(("top", 10, 2), ("gone", 10, 1), ("gone", 50, NO_PLAN), ("new", 110, 1), ("low", 10, 0)) == {
        "low": False
    }


def test_where_a_customer_stands_is_the_last_change_before_the_moment() -> None:
    """Of two changes at the same instant the later row counts."""
    assert label(("a", 10, 0), ("a", 20, 1), ("a", 110, 1)) == {"a": False}
    assert label(("a", 20, 2), ("a", 20, 0), ("a", 110, 1)) == {"a": True}


def test_an_open_window_is_refused() -> None:
    """Who has not moved up yet may still."""
    with pytest.raises(LabelWindowError):
        label_upgrade(
            np.array(["a"]),
            np.array([0]),
            np.array([0]),
            top_rank=2,
            window=WINDOW,
            observed_until_us=WINDOW.end_us - 1,
        )


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 200), st.integers(-1, 2)), max_size=60))
def test_labels_agree_with_the_plain_definition(changes: list[tuple[int, int, int]]) -> None:
    """Against a loop over each customer's changes."""
    found = label(*((str(customer), day, rank) for customer, day, rank in changes)) if changes else {}

    expected = {}
    for customer in {change[0] for change in changes}:
        own = sorted((change for change in changes if change[0] == customer), key=lambda change: change[1])
        past = [rank for _, day, rank in own if day < 100]
        if past and 0 <= past[-1] < 2:
            expected[str(customer)] = any(rank > past[-1] for _, day, rank in own if 100 <= day < 130)
    assert found == expected


def test_the_model_recovers_who_moves_up() -> None:
    """On a simulated shop it ranks nearly as well as the truth."""
    examples, truth = logistic_shop(4000, seed=9, base=-2.0)
    parts = thirds(examples)

    model, report = fit_propensity(*parts, rng=np.random.default_rng(0))

    judged = parts[2]
    assert auc(judged.label, model.probability(judged.table)) > auc(judged.label, truth[-len(judged) :]) - 0.02
    assert report.number >= 2
    assert model.task == "propensity"
