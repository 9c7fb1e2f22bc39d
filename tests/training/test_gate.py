"""The gate promotes what is better with certainty and refuses the rest with a reason for people."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.metrics.interval import Interval
from training.gate import Calibration, Evidence, Gate, Served, classification_evidence, ranking_evidence
from training.leakage import LeakFinding, check_not_constant

BETTER, UNSURE, WORSE = Interval(0.02, 0.01, 0.03), Interval(0.01, -0.005, 0.02), Interval(-0.02, -0.03, -0.01)


def rng() -> np.random.Generator:
    """The same draws in every test."""
    return np.random.default_rng(0)


def shop(rows: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, their true probabilities, and the base rate."""
    random = np.random.default_rng(1)
    truth = random.beta(1, 3, rows)
    label = random.random(rows) < truth
    return label, truth, np.full(rows, label.mean())


def test_what_beats_every_baseline_is_promoted() -> None:
    """The reason names the best baseline and the gain."""
    found = Gate().decide(
        Evidence(metric="recall", leads={"own frequency": BETTER, "popularity": Interval(0.1, 0.09, 0.11)})
    )

    assert found.promote
    assert found.reason.startswith("Promoted: better than the own frequency, the best baseline, in recall by +0.0200")


@pytest.mark.parametrize("lead", [UNSURE, WORSE, Interval(0.0, 0.0, 0.0)])
def test_one_baseline_that_is_not_surely_beaten_is_enough_to_refuse(lead: Interval) -> None:
    """The reason names it."""
    found = Gate().decide(Evidence(metric="recall", leads={"popularity": BETTER, "own frequency": lead}))

    assert not found.promote
    assert "not surely better than the own frequency" in found.reason


def test_without_a_baseline_nothing_is_promoted() -> None:
    """Better than nothing is no evidence."""
    assert not Gate().decide(Evidence(metric="recall", leads={})).promote


@pytest.mark.parametrize(("low", "promote"), [(-0.001, True), (-0.002, True), (-0.003, False)])
def test_the_champion_may_lose_at_most_epsilon(low: float, promote: bool) -> None:  # noqa: FBT001 (a parametrized answer)
    """By the lower bound, on the same rows."""
    evidence = Evidence(metric="recall", leads={"popularity": BETTER}, champion_lead=Interval(0.001, low, 0.003))

    found = Gate(epsilon=0.002).decide(evidence)

    assert found.promote is promote
    assert ("champion" in found.reason) is True


@pytest.mark.parametrize(
    ("calibration", "promote"),
    [
        (Calibration(ece=0.029, noise=0.0), True),
        (Calibration(ece=0.06, noise=0.01), False),
        (Calibration(ece=0.06, noise=0.07), True),
        (Calibration(ece=0.06, noise=0.01, champion_ece=0.08), True),
        (Calibration(ece=0.06, noise=0.01, baseline_ece=0.07), True),
    ],
)
def test_probabilities_must_be_honest(calibration: Calibration, promote: bool) -> None:  # noqa: FBT001 (a parametrized answer)
    """Within the bound, within chance, or no worse than what would answer instead."""
    evidence = Evidence(metric="log loss", leads={"base rate": BETTER}, calibration=calibration)

    assert Gate().decide(evidence).promote is promote


def test_a_leak_refuses_before_all_else() -> None:
    """However good the figures; the other failures are counted."""
    leak = LeakFinding(check="future_shift", passed=False, explanation="spend changes when later rows are deleted")

    found = Gate().decide(Evidence(metric="recall", leads={"popularity": WORSE}, leaks=[leak]))

    assert (
        found.reason
        == "Not promoted: spend changes when later rows are deleted (1 leak found, 0 allowed) (2 checks failed in all)."
    )


def test_a_segment_that_is_surely_much_worse_refuses() -> None:
    """One that only may be is let through."""
    leads = {"base rate": BETTER}
    bad = Evidence(metric="log loss", leads=leads, segment_leads={"new": Interval(-0.05, -0.07, -0.03)})
    unsure = Evidence(metric="log loss", leads=leads, segment_leads={"new": Interval(-0.05, -0.12, 0.02)})

    assert not Gate().decide(bad).promote
    assert Gate().decide(unsure).promote


def test_a_rule_may_answer_while_there_is_nothing_better() -> None:
    """Never blank: without a champion the best rule serves; against one it must not be worse."""
    alone = Gate().decide(Evidence(metric="log loss", leads={}, is_floor=True))
    worse = Gate().decide(Evidence(metric="log loss", leads={}, is_floor=True, champion_lead=WORSE))

    assert alone.promote
    assert "rule itself answers" in alone.reason
    assert not worse.promote


def test_the_truth_is_promoted_over_the_base_rate_and_noise_is_not() -> None:
    """End to end on probabilities."""
    label, truth, flat = shop()
    customers = np.arange(label.size)
    noise = np.clip(flat + rng().normal(0, 0.02, label.size), 0.01, 0.99)

    good = classification_evidence(label, truth, customers=customers, rng=rng(), baselines={"base rate": flat})
    bad = classification_evidence(label, noise, customers=customers, rng=rng(), baselines={"base rate": flat})

    assert Gate().decide(good).promote
    assert not Gate().decide(bad).promote


def test_a_model_that_forgot_something_does_not_replace_the_champion() -> None:
    """Segments are judged too; the same model again is let through."""
    label, truth, flat = shop()
    customers = np.arange(label.size)
    segments = np.where(customers % 2 == 0, "even", "odd")
    worse = 0.6 * truth + 0.4 * flat

    fresh = classification_evidence(
        label, worse, customers=customers, rng=rng(), baselines={"base rate": flat}, champion=truth, segments=segments
    )
    again = classification_evidence(
        label, truth, customers=customers, rng=rng(), baselines={"base rate": flat}, champion=truth, segments=segments
    )

    assert not Gate().decide(fresh).promote
    assert set(fresh.segment_leads) == {"even", "odd"}
    assert Gate().decide(again).promote


def test_rankings_go_through_the_same_gate() -> None:
    """A paired value a customer, more is better."""
    random = np.random.default_rng(2)
    popular = random.random(500) * 0.1
    ours = popular + random.random(500) * 0.05

    good = ranking_evidence("recall of new items", ours, rng=rng(), baselines={"popularity": popular}, champion=popular)
    bad = ranking_evidence("recall of new items", popular, rng=rng(), baselines={"popularity": popular})

    assert Gate().decide(good).promote
    assert not Gate().decide(bad).promote


def test_a_report_is_plain_values_for_the_card() -> None:
    """JSON takes it as it is."""
    evidence = Evidence(metric="recall", leads={"popularity": BETTER}, leaks=[check_not_constant(np.array([0.1, 0.2]))])

    document = json.loads(json.dumps(Gate().decide(evidence).to_document()))

    assert document["promote"] is True
    assert [check["name"] for check in document["checks"]] == ["leak: not_constant", "baseline: popularity"]


INTERVALS = (
    st.tuples(*[st.floats(-0.2, 0.2)] * 3).map(sorted).map(lambda at: Interval(mean=at[1], low=at[0], high=at[2]))
)
LEADS = st.dictionaries(st.sampled_from(["popularity", "habit", "base rate"]), INTERVALS, max_size=2)
EVIDENCE = st.builds(
    Evidence,
    metric=st.just("log loss"),
    leads=LEADS,
    peers=LEADS,
    champion_lead=st.none() | INTERVALS,
    calibration=st.none()
    | st.builds(
        Calibration, ece=st.floats(0, 0.2), noise=st.floats(0, 0.1), champion_ece=st.none() | st.floats(0, 0.2)
    ),
    segment_leads=LEADS,
    leaks=st.lists(
        st.builds(
            LeakFinding, check=st.just("future_shift"), passed=st.booleans(), explanation=st.just("it saw tomorrow")
        ),
        max_size=2,
    ),
    served=st.none()
    | st.builds(
        Served,
        rows=st.just(100),
        largest_difference=st.floats(0, 1e-6) | st.just(float("nan")),
        row_ms=st.floats(0, 100),
        size_bytes=st.integers(0, 10**8),
    ),
    is_floor=st.booleans(),
)


@given(EVIDENCE)
def test_every_refusal_is_one_sentence_with_the_figure_and_the_threshold(evidence: Evidence) -> None:
    """Whatever failed, the reason names what was found and what was asked for; and what is promoted failed nothing."""
    found = Gate().decide(evidence)

    failed = [check for check in found.checks if not check.passed]
    assert found.promote == (not failed)
    for check in failed:
        assert check.figure
        assert check.threshold
        assert check.figure in check.explanation
        assert check.threshold in check.explanation
    if failed:
        assert found.reason.startswith(f"Not promoted: {failed[0].explanation}")
        assert found.reason.endswith(".")
        assert "\n" not in found.reason
    json.dumps(found.to_document())


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (
            Served(rows=100, largest_difference=2e-9, row_ms=1, size_bytes=1),
            "100 rows differ by up to 2e-09, 1e-09 allowed",
        ),
        (Served(rows=100, largest_difference=0, row_ms=51, size_bytes=1), "one row takes 51.00 ms, 50.00 ms allowed"),
        (
            Served(rows=100, largest_difference=0, row_ms=1, size_bytes=64_000_001),
            "the model takes 64.000001 MB, 64.000000 MB",
        ),
    ],
)
def test_what_serves_otherwise_than_it_was_judged_is_refused(served: Served, words: str) -> None:
    """By a billionth, by a millisecond, by a byte."""
    found = Gate().decide(Evidence(metric="log loss", leads={"base rate": BETTER}, served=served))

    assert not found.promote
    assert words in found.reason


def test_only_slices_that_are_large_enough_are_judged() -> None:
    """A model that is worse for the customers of one plan is refused in their name; ten customers are no plan to speak of."""
    label, truth, _ = shop()
    plans = np.where(np.arange(label.size) < 400, "plan pro", "plan starter")
    plans[-10:] = "plan rare"
    ours = np.where(plans == "plan pro", 0.9, truth)

    evidence = classification_evidence(
        label,
        ours,
        customers=np.arange(label.size),
        rng=rng(),
        baselines={"base rate": np.full(label.size, 0.999)},
        champion=truth,
        segments=plans,
    )

    assert set(evidence.segment_leads) == {"plan pro", "plan starter"}
    names = [check.name for check in Gate().decide(evidence).checks if not check.passed]
    assert "segment: plan pro" in names
    assert "segment: plan starter" not in names
