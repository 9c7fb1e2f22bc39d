"""BG/NBD fits what the paper fitted, recovers what was simulated, and says so where its parameters mean nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from models.value import bgnbd
from models.value.bgnbd import BgNbd, fit_bgnbd
from models.value.expectation import expected_while_leaving
from models.value.histories import HistoryError, histories
from models.value.nbd import fit_nbd
from models.value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from tests.models.value.buyers import cdnow_histories, simulate_bgnbd

MODEL = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=0.0, customers=1)


def test_the_fit_is_the_published_one_or_that_of_a_simulated_shop() -> None:
    """CDNOW within a thousandth of the paper and in well under two seconds; without the file the parameters of a simulation."""
    rows = cdnow_histories()
    if rows is None:
        orders = simulate_bgnbd(0.25, 30.0, 0.8, 2.4, customers=6000, days=400, join_days=80, seed=1)
        known = orders.histories_at(400)
        found = fit_bgnbd(known.frequency, known.recency, known.age)
        assert found.r == pytest.approx(0.25, rel=0.15)
        assert found.a / (found.a + found.b) == pytest.approx(0.25, rel=0.25)
        return
    started = time.process_time()
    found = fit_bgnbd(*rows.T)

    assert time.process_time() - started < 2
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((0.2426, 4.4136, 0.7929, 2.4258), abs=1e-3)
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert not found.at_boundary
    pareto = fit_pareto_nbd(*rows.T)
    assert (pareto.r, pareto.alpha, pareto.s, pareto.beta) == pytest.approx((0.553, 10.58, 0.606, 11.67), abs=0.01)
    assert pareto.log_likelihood == pytest.approx(-9595.0, abs=0.05)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4), st.integers(0, 100))
def test_the_slope_is_that_of_the_likelihood(logs: list[float], seed: int) -> None:
    """The written-out gradient agrees with differences, anywhere."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0.5, 2, 30)
    frequency = rng.integers(0, 6, 30).astype(float)
    recency = np.where(frequency > 0, age * rng.random(30), 0.0)
    rows, weights = histories(frequency, recency, age).compressed()

    def value(at: np.ndarray) -> float:
        return bgnbd._minus_log_likelihood(at, rows, weights)[0]

    slope = bgnbd._minus_log_likelihood(np.array(logs), rows, weights)[1]

    assert slope == pytest.approx(approx_fprime(np.array(logs), value, 1e-7), abs=2e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.05, 60),
    st.floats(0.1, 60),
    st.floats(0.02, 4),
    st.floats(0.02, 8),
    st.floats(0.01, 200),
)
def test_the_closed_expectation_is_the_integral(r: float, beta: float, a: float, b: float, t: float) -> None:
    """Euler's form and the integral over time agree, also where a is near 1 and a + b below it; it grows with time, and from 0."""
    found = float(expected_while_leaving(r, beta, a, b, t))
    integral = float(expected_while_leaving(r, beta, a + 1e-7, b, t))

    assert 0 <= found <= r / beta * t * (1 + 1e-9)
    assert found == pytest.approx(integral, rel=1e-3)
    assert found >= float(expected_while_leaving(r, beta, a, b, t / 2))
    assert float(expected_while_leaving(r, beta, a, b, 0.0)) == 0


def test_the_expectation_is_what_simulated_customers_do() -> None:
    """The mean of the smaller of a Poisson count and a geometric life, which is the process."""
    rng = np.random.default_rng(0)
    rate, leaves = rng.gamma(2.0, 1 / 8.0, 400_000), rng.beta(0.8, 2.4, 400_000)
    bought = np.minimum(rng.poisson(rate * 40), rng.geometric(leaves))

    assert float(expected_while_leaving(2.0, 8.0, 0.8, 2.4, 40.0)) == pytest.approx(bought.mean(), rel=0.01)


@given(st.integers(1, 40), st.floats(1, 100), st.floats(0, 1), st.floats(0, 1))
def test_a_later_last_purchase_makes_it_likelier_to_be_there(
    frequency: int, age: float, one: float, other: float
) -> None:
    """The chance to be there is one, grows with recency, and is certain without a repeat."""
    early, late = sorted((one * age, other * age))
    first, second = MODEL.probability_alive([frequency] * 2, [early, late], [age] * 2)

    assert 0 <= first <= second * (1 + 1e-12) <= 1 + 1e-9
    assert MODEL.probability_alive([0], [0], [age])[0] == 1


def test_the_unit_of_time_is_only_alpha() -> None:
    """Days and weeks give the same shop."""
    orders = simulate_bgnbd(0.6, 20.0, 0.8, 2.4, customers=800, days=300, join_days=60, seed=3)
    known = orders.histories_at(300)
    weeks = known.scaled(7.0)

    by_day = fit_bgnbd(known.frequency, known.recency, known.age)
    by_week = fit_bgnbd(weeks.frequency, weeks.recency, weeks.age)

    assert by_day.alpha == pytest.approx(7 * by_week.alpha, rel=1e-3)
    assert by_day.expected_purchases(70, [3], [100], [200]) == pytest.approx(
        by_week.expected_purchases(10, [3], [100 / 7], [200 / 7]), rel=1e-3
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_shop_that_nobody_leaves_is_told_from_one_that_people_leave(seed: int) -> None:
    """Without leaving the fit says that it is at the boundary; with leaving it does not."""
    loyal = simulate_bgnbd(1.0, 40.0, 0.0, 1.0, customers=600, days=200, join_days=50, seed=seed).histories_at(200)
    fickle = simulate_bgnbd(1.0, 10.0, 1.0, 2.0, customers=600, days=200, join_days=50, seed=seed).histories_at(200)

    assert fit_bgnbd(loyal.frequency, loyal.recency, loyal.age).at_boundary
    assert not fit_bgnbd(fickle.frequency, fickle.recency, fickle.age).at_boundary


def test_nobody_who_came_twice_is_a_boundary_and_no_crash() -> None:
    """One customer, or many who bought once."""
    assert fit_bgnbd([0, 0, 0], [0, 0, 0], [10, 20, 30]).boundary == "nobody has bought twice"
    assert fit_nbd([0], [5]).expected_purchases(10, [0], [0], [5])[0] < 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (([1.5], [1], [2]), "whole number"),
        (([1], [3], [2]), "between 0 and the age"),
        (([0], [1], [2]), "without a repeat"),
        (([1], [np.nan], [2]), "finite"),
        (([1, 2], [1], [2]), "same customers"),
    ],
)
def test_an_impossible_history_is_refused_by_its_rule(rows: tuple[list[float], ...], said: str) -> None:
    """With the row that breaks it."""
    with pytest.raises(HistoryError, match=said):
        fit_bgnbd(*rows)


def test_pareto_expectation_is_what_simulated_customers_do() -> None:
    """Of customers with a given past, drawn by rejection from the process itself."""
    model = ParetoNbd(r=1.5, alpha=10.0, s=1.2, beta=20.0, log_likelihood=0.0, customers=1)
    rng = np.random.default_rng(1)
    rate, death = rng.gamma(1.5, 1 / 10.0, 300_000), rng.gamma(1.2, 1 / 20.0, 300_000)
    life = rng.exponential(1 / death)
    seen = rng.poisson(rate * np.minimum(life, 10.0))
    later = rng.poisson(rate * np.clip(life - 10.0, 0, 15.0))
    never = seen == 0

    expected = model.expected_purchases(15.0, [0], [0], [10.0])[0]

    assert later[never].mean() == pytest.approx(expected, rel=0.02)
    assert (life[never] > 10).mean() == pytest.approx(model.probability_alive([0], [0], [10.0])[0], abs=0.01)
