"""Which plan somebody moves to: labels by hand, and a truth that is found again."""

from __future__ import annotations

import numpy as np
import pytest

from models.propensity.targets import fit_targets, label_targets, target_table, upward
from models.tabular.labels import DAY_US, LabelWindowError, Window
from models.tabular.ladder import LadderConfig
from models.tabular.table import Examples, FeatureTable

MOMENT = 100 * DAY_US
WINDOW = Window.after(MOMENT, horizon_days=30)


def test_the_first_step_up_in_the_window_is_the_target() -> None:
    """By hand: ann jumps to the top, bob climbs twice (the first counts), cat leaves, dan is at the top, eve comes later."""
    changes = [
        ("ann", 10, 0), ("ann", 105, 2), ("bob", 10, 0), ("bob", 110, 1), ("bob", 120, 2), ("cat", 10, 1), ("cat", 111, -1),
        ("dan", 10, 2), ("eve", 101, 0),
    ]  # fmt: skip
    who, day, rank = (np.array(column) for column in zip(*changes, strict=True))

    found = label_targets(who, day * DAY_US, rank, top_rank=2, window=WINDOW, observed_until_us=WINDOW.end_us)

    rows = zip(
        found.customers.tolist(), found.standing.tolist(), found.target.tolist(), found.label.tolist(), strict=True
    )
    assert list(rows) == [
        ("ann", 0, 1, False), ("ann", 0, 2, True), ("bob", 0, 1, True), ("bob", 0, 2, False), ("cat", 1, 2, False),
    ]  # fmt: skip


def test_a_window_that_is_still_open_is_refused() -> None:
    """Silence in it proves nothing."""
    with pytest.raises(LabelWindowError):
        label_targets(
            np.array(["a"]), np.array([0]), np.array([0]), top_rank=1, window=WINDOW, observed_until_us=MOMENT
        )


def shop(customers: int, seed: int) -> tuple[Examples, FeatureTable, np.ndarray, np.ndarray]:
    """Use drives the step to plan 1, size the rarer one to plan 2; rows, features, ranks and the true chances of both."""
    rng = np.random.default_rng(seed)
    use, size = rng.normal(size=customers), rng.normal(size=customers)
    one = 1 / (1 + np.exp(-(-2.2 + 1.3 * use)))
    two = 1 / (1 + np.exp(-(-3.6 + 1.3 * size)))
    draw = rng.random(customers)
    taken = np.where(draw < one, 1, np.where(draw < one + two * (1 - one), 2, -1))
    table = FeatureTable.from_columns({"use": use, "size": size})
    standing = np.zeros(customers, dtype=np.int64)
    places, targets = upward(standing, 2)
    stacked = target_table(table.take(places), standing[places], targets)
    rows = Examples(stacked, taken[places] == targets, places.astype(str))
    return rows, table, standing, np.column_stack([one, two * (1 - one)])


def test_each_plan_has_its_own_chance_learned_from_all() -> None:
    """Both orders are found, each target's level is its own, and the rarer one is promised to fewer."""
    parts = [shop(rows, seed)[0] for rows, seed in ((4000, 0), (1500, 1), (1500, 2))]
    model, report = fit_targets(*parts, rng=np.random.default_rng(0), config=LadderConfig(blend=None))
    _, table, standing, truth = shop(2000, 3)

    found = model.offers(table, standing, top_rank=2)
    chances = np.array([[one[1], one[2]] for one in found])

    assert report.number >= 2
    np.testing.assert_allclose(chances.mean(axis=0), truth.mean(axis=0), atol=0.02)
    assert np.corrcoef(chances[:, 0], truth[:, 0])[0, 1] > 0.8
    assert model.known_columns == ("use", "size")


def test_who_is_at_the_top_has_no_offer() -> None:
    """An empty answer, not an error."""
    places, targets = upward(np.array([2, 2]), 2)

    assert places.size == targets.size == 0
