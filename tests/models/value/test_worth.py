"""Level, spend, contracts and the worth of customers: known answers, no look ahead, and the same after being kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.value.contract import contract_value, fit_retention
from models.value.gamma_gamma import fit_spend
from models.value.histories import HistoryError
from models.value.level import UNCORRECTED, Backtest, learn_level, level_of
from models.value.orders import Orders
from models.value.purchases import fit_purchases
from models.value.worth import ValueModel, fit_worth
from tests.models.value.buyers import simulate_bgnbd

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def orders() -> Orders:
    """Two thousand buyers over four hundred days."""
    return simulate_bgnbd(0.5, 20.0, 0.8, 2.4, customers=2000, days=400, join_days=90, seed=5)


def test_purchase_days_are_counted_once_and_summed() -> None:
    """Two orders of a day are one; histories and what came later are read off by hand."""
    found = Orders.of(np.array(["b", "a", "a", "a"]), np.array([3, 1, 1, 5]), np.array([7, 2, 3, 10]))
    known = found.before(5).histories_at(6)

    assert found.amount_minor.tolist() == [5, 10, 7]
    assert (known.frequency.tolist(), known.recency.tolist(), known.age.tolist()) == ([0, 0], [0, 0], [4, 2])
    assert found.within(5, 9, np.array(["a", "b"]))[1].tolist() == [10, 0]
    assert found.repeat_spend()[1].tolist() == [10, 0]
    with pytest.raises(HistoryError, match="before it"):
        found.histories_at(4)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1000), st.integers(5, 60))
def test_nothing_after_the_day_is_read(seed: int, extra: int) -> None:
    """Any orders from the day on leave the whole forecast as it was, the learned level with it."""
    rng = np.random.default_rng(seed)
    who, when = rng.integers(0, 30, 200), rng.integers(0, 120, 200)
    later_who, later_when = rng.integers(0, 40, extra), rng.integers(120, 160, extra)
    ones = np.ones(200 + extra, dtype=np.int64)
    short = Orders.of(who, when, ones[:200])
    whole = Orders.of(np.append(who, later_who), np.append(when, later_when), ones)

    assert fit_purchases(short, 120) == fit_purchases(whole, 120)


def test_the_level_learns_a_known_bias(orders: Orders) -> None:
    """A forecast that is always an eighth short is brought up by about that over the horizon that was tried."""
    level = level_of([Backtest(day=100, observed_days=100, horizon_days=100, forecast=8000.0, actual=9000)])

    assert level.factor(100, 100) == pytest.approx(9 / 8, rel=0.01)
    assert level.factor(0, 100) == 1
    low, high = level.bounds(100, 100)
    assert low < 9 / 8 < high
    assert level_of([]) == UNCORRECTED
    assert learn_level(orders, 30, lambda *_: 0.0) == UNCORRECTED


def test_the_forecast_of_a_known_process_has_the_right_level_and_finds_the_best(orders: Orders) -> None:
    """Half of the time taught: the total of the rest within a seventh, and a tenth of customers with three times its share."""
    model = fit_purchases(orders, 200)
    past = orders.before(200)
    actual = orders.within(200, 400, past.customers)[0]
    expected = model.expected(200, past.histories_at(200))
    top = np.argsort(-expected)[: expected.size // 10]

    assert model.rung == "buy till you die"
    assert expected.sum() == pytest.approx(actual.sum(), rel=0.15)
    assert actual[top].sum() / actual.sum() > 0.3


def test_the_rung_says_how_little_is_known() -> None:
    """From one order on there is a forecast; where nobody leaves the model without leaving answers."""
    one = Orders.of(np.array(["a"]), np.array([1]), np.array([500]))
    loyal = simulate_bgnbd(1.0, 40.0, 0.0, 1.0, customers=500, days=200, join_days=40, seed=2)
    first, second = fit_purchases(one, 10), fit_purchases(loyal, 200)

    assert first.rung == "rate"
    assert 0 < first.expected(120, one.histories_at(10))[0] < 2
    assert second.rung == "never leaves"
    assert second.probability_alive(loyal.histories_at(200)).min() == 1


def test_gamma_gamma_recovers_its_parameters() -> None:
    """Amounts drawn by the model; its shop mean is that of the population."""
    rng = np.random.default_rng(4)
    x = rng.integers(1, 8, 8000)
    nu = rng.gamma(3.7, 1 / 1500.0, 8000)
    mean = rng.gamma(6.0 * x, 1.0) / nu / x
    found = fit_spend(x, mean)

    assert found.rung == "Gamma-Gamma"
    assert (found.p, found.q, found.v) == pytest.approx((6.0, 3.7, 1500.0), rel=0.15)
    assert found.expected([0], [0])[0] == pytest.approx(6.0 * 1500 / 2.7, rel=0.05)
    assert mean[0] < found.expected([1], [mean[0]])[0] < found.shop or mean[0] > found.shop


def test_spend_that_hangs_together_with_frequency_is_not_gamma_gamma() -> None:
    """Its assumption fails, the correlation says so, and credibility stands in."""
    rng = np.random.default_rng(4)
    x = rng.integers(1, 9, 2000)
    found = fit_spend(x, x * 100 + rng.gamma(20.0, 2.0, 2000))

    assert found.rung == "credibility"
    assert "correlation 0." in found.why or "correlation 1." in found.why
    assert found.expected([3], [320.0])[0] == pytest.approx(320, rel=0.5)


def test_retention_recovers_the_shifted_beta_geometric() -> None:
    """Contracts that end by known chances, some still running; who has stayed long is likelier to stay."""
    rng = np.random.default_rng(3)
    lasts = rng.geometric(rng.beta(1.0, 9.0, 20_000)) - 1
    seen = rng.integers(1, 24, 20_000)
    found = fit_retention(np.minimum(lasts, seen), lasts < seen)

    assert (found.alpha, found.beta) == pytest.approx((1.0, 9.0), rel=0.12)
    staying = found.staying([0, 12], 12)
    assert staying[0, 0] == pytest.approx(0.9, abs=0.01)
    assert (staying[1] > staying[0]).all()
    assert (np.diff(staying, axis=1) < 0).all()


def test_a_contract_is_worth_its_months() -> None:
    """Certain to stay: every month's margin; never more than that, whatever the level; a likely leaver is worth less."""
    certain = np.ones((1, 12))
    assert contract_value(certain, [900]).expected[0] == pytest.approx(900 * 12)
    assert contract_value(certain, [900], margin=0.5, factor=3.0).expected[0] == pytest.approx(450 * 12)
    assert contract_value(certain, [1000], monthly_discount=0.5).expected[0] == pytest.approx(1000 * (1 - 0.5**12))
    retention = fit_retention([1, 2, 3, 4], [False] * 4)
    told = retention.staying([3, 3], 12, np.array([0.5, np.nan]))
    value = contract_value(told, [900, 900])
    assert value.expected[0] < value.expected[1]
    assert (value.low <= value.expected).all()
    assert (value.expected <= value.high + 1e-9).all()


def test_what_is_kept_answers_as_before(orders: Orders, tmp_path: Path) -> None:
    """Saved and loaded: the same worth for the same draws; the range holds what is expected for nearly everybody."""
    purchases, spend = fit_worth(orders, 200)
    model = ValueModel(
        purchases=purchases, spend=spend, retention=fit_retention([3], [False]), retention_level=UNCORRECTED
    )
    model.save(tmp_path / "model")
    again = ValueModel.load(tmp_path / "model")
    past = orders.before(200)
    first = model.of_orders(past, 200, 365, np.random.default_rng(0))
    second = again.of_orders(past, 200, 365, np.random.default_rng(0))

    assert again == model
    assert (first.expected == second.expected).all()
    assert (first.low == second.low).all()
    assert (first.low <= first.high).all()
    actual = orders.within(200, 400, past.customers)[1]
    shorter = model.of_orders(past, 200, 200, np.random.default_rng(0))
    inside = (actual >= shorter.low) & (actual <= shorter.high)
    assert inside.mean() > 0.75
