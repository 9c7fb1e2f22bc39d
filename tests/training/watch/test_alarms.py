"""How often a watched tenant hears an alarm without any drift, and how surely it hears one with: simulated months of nightly looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import expit, logit

from training.watch.drift import bin_values, shift_of
from training.watch.realised import log_evidence, realised
from training.watch.verdict import Looked, Verdict, Watchman

MONTHS, NIGHTS, CUSTOMERS, FEATURES = 120, 30, 400, 6


@dataclass(frozen=True)
class Drift:
    """What happens after training: features move by so many deviations, outcomes by so many log-odds."""

    features: float = 0.0
    outcomes: float = 0.0


def month(rng: np.random.Generator, drift: Drift) -> Verdict | None:
    """A tenant's month: the same customers every night, whose features wander; a tenth of the outcomes becomes known every third night.

    The answer is the first alarm, None for a quiet month.
    """
    weights = np.array([1.0, 0.7, -0.5, 0.3, 0.0, 0.0])
    features = rng.standard_normal((CUSTOMERS, FEATURES))
    score = expit(features @ weights - 1)
    bins = [bin_values(column) for column in features.T]
    score_bins = bin_values(score)
    watchman = Watchman()
    labels, promised = np.zeros(0, dtype=np.bool_), np.zeros(0)
    for night in range(NIGHTS):
        features = 0.95 * features + np.sqrt(1 - 0.95**2) * rng.standard_normal(features.shape)
        seen = features + drift.features
        score = expit(seen @ weights - 1)
        if night % 3 == 0:
            known = score[rng.permutation(CUSTOMERS)[: CUSTOMERS // 10]]
            promised = np.concatenate([promised, known])
            labels = np.concatenate([labels, rng.random(known.size) < expit(logit(known) + drift.outcomes)])
        verdict = watchman.judge(
            Looked(
                score=shift_of(score_bins, score),
                features={f"f{number}": shift_of(bins[number], seen[:, number]) for number in range(FEATURES)},
                realised=realised(labels, promised, rng=rng) if night % 3 == 0 else None,
                scored=CUSTOMERS,
            )
        )
        if verdict.alarm:
            return verdict
    return None


def share_with_alarm(drift: Drift, months: int) -> float:
    """Of so many tenants' months."""
    rng = np.random.default_rng(11)
    return float(np.mean([month(rng, drift) is not None for _ in range(months)]))


def test_without_drift_fewer_than_one_month_in_twenty_has_an_alarm() -> None:
    """Thirty nights of seven shifts and a growing calibration record each: 120 months."""
    assert share_with_alarm(Drift(), MONTHS) < 0.05


@pytest.mark.parametrize("drift", [Drift(features=1.0), Drift(outcomes=0.9)], ids=["scores", "outcomes"])
def test_planted_drift_is_heard_within_the_month(drift: Drift) -> None:
    """One deviation in every feature, or odds that are two and a half times those promised."""
    assert share_with_alarm(drift, 20) >= 0.9


def test_a_feature_that_scores_do_not_follow_is_no_alarm() -> None:
    """It is noticed with its name; nobody is woken."""
    rng = np.random.default_rng(0)
    then, now, scores = rng.normal(0, 1, 2000), rng.normal(2, 1, 2000), rng.random(2000)

    verdict = Watchman().judge(
        Looked(
            score=shift_of(bin_values(scores), rng.random(2000)), features={"visits": shift_of(bin_values(then), now)}
        )
    )

    assert (verdict.kind, verdict.alarm) == ("features", False)
    assert verdict.sentence.startswith("visits moved since training")


def test_promises_that_did_not_come_true_are_told_first_and_in_numbers() -> None:
    """Also where features moved too."""
    rng = np.random.default_rng(0)
    promised = np.full(1000, 0.1)
    labels = rng.random(1000) < 0.2
    far = shift_of(bin_values(rng.random(1000)), rng.random(1000) + 3)

    verdict = Watchman().judge(
        Looked(score=far, features={"visits": far}, realised=realised(labels, promised, rng=rng), scored=1000)
    )

    assert (verdict.kind, verdict.alarm) == ("calibration", True)
    assert verdict.sentence.startswith("Of 1000 customers 10.0% were expected and")


def test_a_shop_that_fell_silent_is_an_alarm_of_its_own() -> None:
    """A week is quiet for a busy shop, and nothing for one that often pauses for five days."""
    calm = shift_of(bin_values(np.arange(500.0)), np.arange(500.0))

    busy = Watchman().judge(Looked(score=calm, features={}, quiet_days=8, longest_quiet_days=1))
    sleepy = Watchman().judge(Looked(score=calm, features={}, quiet_days=8, longest_quiet_days=5))

    assert (busy.kind, busy.alarm) == ("freshness", True)
    assert not sleepy.alarm


def test_evidence_against_honest_promises_is_on_average_one() -> None:
    """What makes it valid at any time: its expectation under the promises is 1, computed here over every outcome of six customers."""
    promised = np.array([0.1, 0.3, 0.5, 0.6, 0.8, 0.95])
    total = 0.0
    for number in range(2**6):
        labels = np.array([bool(number >> place & 1) for place in range(6)])
        chance = np.where(labels, promised, 1 - promised).prod()
        total += chance * np.exp(log_evidence(labels, promised))

    assert total == pytest.approx(1.0, abs=1e-9)


def test_spiegelhalters_z_by_hand() -> None:
    """Two customers, promised .8 and .3, of whom the second has the outcome."""
    found = realised(np.array([False, True]), np.array([0.8, 0.3]), rng=np.random.default_rng(0))

    top = (0 - 0.8) * (1 - 1.6) + (1 - 0.3) * (1 - 0.6)
    bottom = np.sqrt(0.36 * 0.16 + 0.16 * 0.21)
    assert found.z == pytest.approx(top / bottom)
    assert (found.promised, found.found, found.gap) == pytest.approx((0.55, 0.5, -0.05))
