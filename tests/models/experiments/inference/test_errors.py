"""Simulated truth: how often each rule decides wrongly when it is looked at every day, and what it finds when there is something.

A thousand experiments each; bounds leave room for four standard errors of the simulation.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.experiments.bandit import Logged, read_out, shares
from models.experiments.inference.best import chance_best, chance_best_rate
from models.experiments.inference.contrast import Contrast, NotComputable, Scale, adjusted, contrast
from models.experiments.inference.fixed import stretched, two_sided
from models.experiments.inference.guard import Better, Guarded, guard
from models.experiments.inference.planned import LooksError, bounds
from models.experiments.inference.quantiles import quantile
from models.experiments.inference.sequence import sequence
from models.experiments.inference.srm import Split, sample_ratio
from models.experiments.inference.sums import Cases, Pairs, Sums, ratio

RUNS = 1_000
DAYS = 28


def _experiments(lift: float, units_an_arm: int, *, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cases by run and day of control and treatment, and units an arm by day."""
    rng = np.random.default_rng(11)
    units = np.round(units_an_arm * np.arange(1, DAYS + 1) / DAYS).astype(int)
    steps = np.diff(units, prepend=0)
    control = rng.binomial(steps, 0.05, (runs, DAYS)).cumsum(axis=1)
    return control, rng.binomial(steps, 0.05 * (1 + lift), (runs, DAYS)).cumsum(axis=1), units


def _first_decision(control: np.ndarray, treatment: np.ndarray, units: np.ndarray) -> int:
    """The sign of the first day on which the sequence decides, 0 for never."""
    for a, b, n in zip(control, treatment, units, strict=True):
        found = contrast(Cases(int(n), int(a)), Cases(int(n), int(b)))
        if isinstance(found, Contrast):
            looked = sequence(found, tuning_n=1_000)
            if looked.decides:
                return 1 if looked.low > 0 else -1
    return 0


def test_a_sequence_that_is_read_daily_errs_at_most_as_promised() -> None:
    """5 % over four weeks of daily looks, in equal parts."""
    control, treatment, units = _experiments(0, 500)
    signs = np.array([_first_decision(a, b, units) for a, b in zip(control, treatment, strict=True)])

    assert (signs != 0).mean() <= 0.05
    assert abs((signs > 0).sum() - (signs < 0).sum()) <= 4 * math.sqrt((signs != 0).sum() + 1)


def test_planned_looks_keep_the_error_and_most_of_the_power() -> None:
    """Half-way and at the end, at 500 an arm: 5 % wrong, in equal parts, and at least 35 % found of a lift by half."""
    edges = bounds((0.5, 1.0))
    places = (DAYS // 2 - 1, DAYS - 1)

    def decided(lift: float, runs: int) -> np.ndarray:
        control, treatment, units = _experiments(lift, 500, runs=runs)
        a, b, n = control[:, places], treatment[:, places], units[list(places)]
        with np.errstate(divide="ignore", invalid="ignore"):
            p, q = a / n, b / n
            z = np.log(q / p) / np.sqrt((1 - p) / (p * n) + (1 - q) / (q * n))
        crossed = np.abs(np.nan_to_num(z)) >= np.array(edges)
        first = crossed.argmax(axis=1)
        return np.where(crossed.any(axis=1), np.sign(z[np.arange(len(z)), first]), 0)

    wrong, found = decided(0, 20_000), decided(0.5, 20_000)
    assert (wrong != 0).mean() <= 0.05
    assert abs((wrong > 0).mean() - (wrong < 0).mean()) < 0.005
    assert (found > 0).mean() >= 0.35


def test_the_log_ratio_errs_evenly_where_the_relative_difference_does_not() -> None:
    """At 500 an arm: the reason for the default scale."""
    rng = np.random.default_rng(5)
    cases = rng.binomial(500, 0.05, (4_000, 2))

    def sides(scale: Scale) -> tuple[float, float]:
        won = lost = 0
        for a, b in cases.tolist():
            found = contrast(Cases(500, a), Cases(500, b), scale)
            if isinstance(found, Contrast) and two_sided(found).p_value < 0.05:
                won, lost = won + (found.effect > 0), lost + (found.effect < 0)
        return won / len(cases), lost / len(cases)

    assert all(0.015 < side < 0.035 for side in sides(Scale.LOG_RATIO))
    won, lost = sides(Scale.RELATIVE)
    assert lost > 10 * won


def test_a_few_large_orders_do_not_make_planned_looks_err() -> None:
    """Revenue that one in twenty brings, log-normal: Student's law with effective sizes keeps 5 %, the normal does not."""
    rng = np.random.default_rng(3)
    bound = bounds((1.0,))[0]
    plain = wide = 0
    for _ in range(2_000):
        drawn = rng.lognormal(3, 1.2, (2, 300)) * (rng.random((2, 300)) < 0.05)
        found = contrast(*(Sums(300, float(arm.sum()), float((arm**2).sum())) for arm in drawn))
        assert isinstance(found, Contrast)
        plain += abs(found.effect) > bound * found.se
        wide += abs(found.effect) > bound * stretched(found, bound).se

    assert wide / 2_000 <= 0.05 < plain / 2_000


def test_the_anytime_split_alarm_hardly_ever_cries_wolf_and_finds_a_loss() -> None:
    """Under 0.5 % in 28 daily looks at a thousand units a day; a loss of a tenth of one arm is found at once."""
    rng = np.random.default_rng(7)
    clean = rng.binomial(500 * 2, 0.5, (RUNS, DAYS)).cumsum(axis=1)
    totals = 1_000 * np.arange(1, DAYS + 1)

    def alarmed(observed: np.ndarray) -> bool:
        for count, total in zip(observed.tolist(), totals.tolist(), strict=True):
            found = sample_ratio([count, total - count], [0.5, 0.5])
            if isinstance(found, Split) and found.is_alarming:
                return True
        return False

    assert sum(alarmed(run) for run in clean) / RUNS < 0.005
    found = sample_ratio([10_000, 9_000], [0.5, 0.5])
    assert isinstance(found, Split)
    assert found.is_alarming
    assert sample_ratio([10, 10, 3], [0.5, 0.5, 0.0]) == Split(
        chi2=math.inf, p_value=0.0, log_bayes_factor=math.inf, anytime_p_value=0.0
    )


def test_the_past_narrows_the_interval_and_moves_no_truth() -> None:
    """CUPED with a past that explains 80 %: the same lift on average, less than half the standard error."""
    rng = np.random.default_rng(9)
    effects, errors, plain = [], [], []
    for _ in range(200):
        past = rng.gamma(4.0, 10.0, (2, 400))
        now = past + rng.normal(0, 10, (2, 400)) + 20
        now[1] *= 1.05
        arms = [Pairs.of(now[arm].tolist(), past[arm].tolist()) for arm in (0, 1)]
        control, treatment, _ = adjusted(arms[0], arms[1])
        found, raw = contrast(control, treatment), contrast(Sums.of(now[0].tolist()), Sums.of(now[1].tolist()))
        assert isinstance(found, Contrast)
        assert isinstance(raw, Contrast)
        effects.append(found.effect)
        errors.append(found.se)
        plain.append(raw.se)

    assert np.mean(effects) == pytest.approx(math.log(1.05), abs=4 * np.std(effects) / math.sqrt(200))
    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.2)
    assert np.mean(errors) < 0.6 * np.mean(plain)


def test_members_of_a_customer_are_not_independent_and_the_interval_knows() -> None:
    """Customers are assigned, members measured: by the ratio of sums the error is as promised; taken as independent it is not."""
    rng = np.random.default_rng(13)
    wrong = naive = 0
    for _ in range(400):
        arms, members = [], []
        for _arm in range(2):
            size = rng.integers(1, 12, 150)
            rate = rng.beta(0.5, 1.5, 150)
            hits = rng.binomial(size, rate)
            arms.append(ratio(Pairs.of(hits.tolist(), size.tolist())))
            members.append(Cases(int(size.sum()), int(hits.sum())))
        assert arms[0]
        assert arms[1]
        clustered, independent = contrast(arms[0], arms[1]), contrast(members[0], members[1])
        assert isinstance(clustered, Contrast)
        assert isinstance(independent, Contrast)
        wrong += two_sided(clustered).p_value < 0.05
        naive += two_sided(independent).p_value < 0.05

    assert wrong / 400 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)
    assert naive / 400 > 0.15


def test_a_quantile_covers_its_truth() -> None:
    """The median of a skewed law, in about 95 % of samples; also where customers bring several values each."""
    rng = np.random.default_rng(17)
    inside = clustered = 0
    for _ in range(400):
        found = quantile(rng.lognormal(0, 1, 300), 0.5)
        assert not isinstance(found, NotComputable)
        inside += abs(found.mean - 1) <= 1.96 * math.sqrt(found.variance / found.n)
        own = rng.normal(0, 1, 100)
        grouped = quantile(np.repeat(own, 5) + rng.normal(0, 0.3, 500), 0.5, np.repeat(np.arange(100), 5))
        assert not isinstance(grouped, NotComputable)
        clustered += abs(grouped.mean) <= 1.96 * math.sqrt(grouped.variance / grouped.n)

    assert 0.90 <= inside / 400 <= 0.99
    assert 0.88 <= clustered / 400 <= 0.99


def test_a_bandits_read_out_is_unbiased_although_its_shares_drift() -> None:
    """Shares follow success within a run; weighted outcomes average to the truth, and every propensity is above the floor."""
    rng = np.random.default_rng(19)
    truth = (0.10, 0.14)
    estimates = []
    for _ in range(200):
        seen = [Cases(0, 0), Cases(0, 0)]
        arms, propensities, outcomes = [], [], []
        for _batch in range(6):
            share = shares(seen, floor=0.1)
            arm = (rng.random(150) >= share[0]).astype(np.int64)
            outcome = (rng.random(150) < np.array(truth)[arm]).astype(np.float64)
            arms.append(arm)
            propensities.append(np.array(share)[arm])
            outcomes.append(outcome)
            for each in (0, 1):
                seen[each] = seen[each] + Cases(int((arm == each).sum()), int(outcome[arm == each].sum()))
        found = read_out(Logged(np.concatenate(arms), np.concatenate(propensities), np.concatenate(outcomes)), 0)
        assert not isinstance(found, NotComputable)
        estimates.append(found.mean)
        assert min(share) >= 0.1

    assert np.mean(estimates) == pytest.approx(truth[0], abs=4 * np.std(estimates) / math.sqrt(200))


def test_chances_of_being_best_sum_to_one_and_follow_the_means() -> None:
    """Equal arms share alike; two arms agree with the normal difference."""
    assert chance_best([Cases(100, 10)] * 3) == pytest.approx((1 / 3,) * 3, abs=1e-6)
    a, b = Cases(1_000, 100), Cases(1_000, 130)
    gap = (b.mean - a.mean) / math.sqrt(a.variance / a.n + b.variance / b.n)
    assert chance_best([a, b])[1] == pytest.approx(0.5 * math.erfc(-gap / math.sqrt(2)), abs=1e-5)
    assert sum(chance_best_rate([Cases(10, 0), Cases(12, 1), Cases(9, 4)])) == pytest.approx(1)


def test_a_guardrail_is_harmed_safe_or_watched() -> None:
    """By the sequence, so at any look; a metric that should fall is harmed by rising."""
    worse, same, few = (
        contrast(Cases(n, c), Cases(n, t))
        for n, c, t in ((40_000, 4_000, 3_400), (400_000, 40_000, 40_050), (300, 30, 29))
    )
    assert isinstance(worse, Contrast)
    assert isinstance(same, Contrast)
    assert isinstance(few, Contrast)

    def at(found: Contrast, better: Better = Better.HIGHER) -> Guarded:
        return guard(found, better=better, margin=0.05, tuning_n=50_000)

    assert (at(worse), at(same), at(few)) == (Guarded.HARMED, Guarded.SAFE, Guarded.WATCHING)
    assert at(worse, Better.LOWER) is Guarded.SAFE


@pytest.mark.parametrize("fractions", [[], [0.5, 0.5], [0.0, 1.0], [0.5, 1.5]])
def test_looks_that_do_not_rise_are_refused(fractions: list[float]) -> None:
    """With the fractions in the sentence."""
    with pytest.raises(LooksError):
        bounds(fractions)


def test_what_cannot_be_computed_says_so() -> None:
    """Never an effect of nothing with a p of one."""
    assert contrast(Cases(1, 1), Cases(5, 2)) == NotComputable("an arm has fewer than two units")
    assert contrast(Cases(9, 0), Cases(9, 0)) == NotComputable("nothing varies in either arm")
    assert contrast(Cases(9, 0), Cases(9, 3)) == NotComputable("a ratio needs both means above zero")
    assert contrast(Sums.of([0.0, 0.0]), Sums.of([1.0, 2.0]), Scale.RELATIVE) == NotComputable(
        "the control's mean is zero"
    )
    assert isinstance(quantile(np.ones(3), 0.5), NotComputable)
